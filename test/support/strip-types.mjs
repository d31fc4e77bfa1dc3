import ts from 'typescript';

/**
 * Takes the types off, and lets `./x.js` mean `./x.ts`, as it does for the compiler.
 * @type {import('rollup').Plugin}
 */
export const stripTypes = {
  name: 'strip-types',
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
    });
    return { code: outputText, map: null };
  },
};
