import ts from 'typescript';

/**
 * Takes the types off, and lets `./x.js` mean `./x.ts`, as it does for the compiler.
 *
 * @param {string} name
 * @param {ts.CustomTransformers} [transformers]
 * @returns {import('rollup').Plugin}
 */
function plugin(name, transformers) {
  return {
    name,
    async resolveId(source, importer) {
      if (!importer?.endsWith('.ts') || !/^\.{1,2}\/.*\.js$/.test(source)) return null;
      return this.resolve(source.replace(/\.js$/, '.ts'), importer, { skipSelf: true });
    },
    transform(code, id) {
      if (!id.endsWith('.ts')) return null;
      const { outputText } = ts.transpileModule(code, {
        fileName: id,
        compilerOptions: {
          target: ts.ScriptTarget.ES2022,
          module: ts.ModuleKind.ESNext,
          verbatimModuleSyntax: true,
        },
        ...(transformers ? { transformers } : {}),
      });
      return { code: outputText, map: null };
    },
  };
}

/**
 * `#x` becomes `$x`. Two classes of one family may not have a private name in common.
 *
 * @param {ts.TransformationContext} context
 * @returns {ts.Transformer<ts.SourceFile>}
 */
function openPrivates({ factory }) {
  return (file) => {
    /** @type {(node: ts.Node) => ts.Node} */
    const visit = (node) =>
      ts.isPrivateIdentifier(node)
        ? factory.createIdentifier(`$${node.text.slice(1)}`)
        : ts.visitEachChild(node, visit, undefined);
    return /** @type {ts.SourceFile} */ (ts.visitNode(file, visit));
  };
}

export const stripTypes = plugin('strip-types');
/** The same, for a look from outside at what a class keeps to itself. */
export const stripTypesAndPrivacy = plugin('open-privates', { before: [openPrivates] });
