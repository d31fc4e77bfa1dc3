// Takes the types off for rollup, in the build and in what the tests bundle: the simulator runs what ships.
import ts from 'typescript';

/**
 * File by file: `npm run typecheck` is what checks them, and one program for the build would have to hold
 * DOM and Node types at once, which src never sees together. `isolatedModules` and
 * `verbatimModuleSyntax` make that way exact. Lets `./x.js` mean `./x.ts`, as it does for the compiler.
 *
 * @param {string} name
 * @param {ts.CustomTransformers} [transformers]
 * @returns {import('rollup').Plugin}
 */
function plugin(name, transformers = {}) {
  /** Who bundles again and again changes one file out of seventy. @type {Map<string, { of: string, result: { code: string, map: string | null } }>} */
  const stripped = new Map();
  return {
    name,
    async resolveId(source, importer) {
      if (!importer?.endsWith('.ts') || !/^\.{1,2}\/.*\.js$/.test(source)) return null;
      return this.resolve(source.replace(/\.js$/, '.ts'), importer, { skipSelf: true });
    },
    transform(code, id) {
      if (!id.endsWith('.ts')) return null;
      const known = stripped.get(id);
      if (known?.of === code) return known.result;
      const { outputText, sourceMapText = null } = ts.transpileModule(code, {
        fileName: id,
        compilerOptions: {
          target: ts.ScriptTarget.ES2022,
          module: ts.ModuleKind.ESNext,
          verbatimModuleSyntax: true,
          // A field is assigned in the constructor, not declared and then assigned: it is less to load.
          useDefineForClassFields: false,
          sourceMap: true,
        },
        transformers,
      });
      const text = outputText.replace(/\/\/# sourceMappingURL=.*\s*$/, '');
      const result = { code: text, map: sourceMapText };
      stripped.set(id, { of: code, result });
      return result;
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
