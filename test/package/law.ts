// The law of the imports, as a function of the sources: what may know what. Pure, so that
// arrows.test.ts can show it broken sources too.
import { posix } from 'node:path';
import ts from 'typescript';

/** Path from the root of the repository, such as `src/core/position.ts`, to its text. */
export type Sources = ReadonlyMap<string, string>;

interface Import {
  /** A path of `Sources` for a relative import, else the name of the package. */
  readonly to: string;
  readonly relative: boolean;
  readonly typeOnly: boolean;
  readonly line: number;
}

const SINGLE_USE = ['reconnecting-websocket', 'mitt', 'idb-keyval'];
const MAX_LINES = 300;
const COMPOSERS = ['src/create-client.ts', 'src/socket-io.ts', 'src/index.ts'];

export function violations(sources: Sources): string[] {
  const imports = new Map<string, Import[]>();
  for (const [path, text] of sources) {
    if (isSource(path)) imports.set(path, importsOf(path, text));
  }
  const found = [...imports].flatMap(([path, list]) =>
    list.flatMap((one) => {
      const why = forbidden(path, one);
      return why ? [`${path}:${one.line} imports ${one.to}: ${why}`] : [];
    }),
  );
  return [
    ...found,
    ...browserReach(imports),
    ...circles(imports),
    ...singleUse(imports),
    ...[...sources].flatMap(([path, text]) => tooLong(path, text)),
    ...[...sources].flatMap(([path, text]) => (isSource(path) ? untyped(path, text) : [])),
  ];
}

/** Why this import may not be, or undefined. */
function forbidden(path: string, one: Import): string | undefined {
  const from = partOf(path);
  const to = one.relative ? partOf(one.to) : undefined;
  if (one.relative && !one.to.startsWith('src/')) return 'it is outside src';

  if (from === 'core' && to !== 'core') return 'core imports only core';
  if (from === 'ports') {
    if (to !== 'core' && to !== 'ports') return 'ports import only from core and ports';
    if (!one.typeOnly) return 'ports import only types';
  }
  if (from === 'adapters' && one.relative) {
    if (to !== 'core' && to !== 'ports') return 'an adapter knows only ports and core';
  }
  if (to === 'cli' && from !== 'cli') return 'nothing imports the command line';
  if (from === 'server' && one.relative && to !== 'server' && to !== 'core') {
    return 'the server kit shares only core with the client';
  }
  if (from === 'cli') {
    // The checker speaks to servers as the client does, by a dialect, but sees what the client mends:
    // it takes the dialects and the types of the ports, and no adapter.
    const shared = to === 'cli' || to === 'core' || to === 'dialects';
    if (one.relative && !shared && !(to === 'ports' && one.typeOnly)) {
      return 'the command line shares only core, dialects and the types of ports';
    }
    if (!one.relative && !one.to.startsWith('node:') && one.to !== 'ws') {
      return 'the command line imports no package but ws';
    }
  }
  if (from !== 'server' && !one.relative) {
    if (one.to.startsWith('node:') && from !== 'cli') {
      return 'only the server kit and the command line import Node modules';
    }
    if (one.to === 'ws' && from !== 'cli') {
      return 'only the server kit and the command line import ws';
    }
  }
  const mayCompose = COMPOSERS.includes(path);
  if (to === 'adapters' && from !== 'adapters' && !mayCompose && from !== 'testing') {
    return `only the composition roots (${COMPOSERS.join(', ')}) and testing import adapters`;
  }
  return undefined;
}

/** Follows every import of the browser entry, types too: the declarations are published as well. */
function browserReach(imports: ReadonlyMap<string, readonly Import[]>): string[] {
  const cameFrom = new Map<string, string | undefined>([['src/index.ts', undefined]]);
  for (const path of cameFrom.keys()) {
    for (const one of imports.get(path) ?? []) {
      if (!one.relative || cameFrom.has(one.to)) continue;
      cameFrom.set(one.to, path);
      if (partOf(one.to) !== 'server') continue;
      const chain = [one.to];
      for (let at: string | undefined = path; at; at = cameFrom.get(at)) chain.unshift(at);
      return [`the browser entry reaches the server kit: ${chain.join(' -> ')}`];
    }
  }
  return [];
}

/** Circles of value imports: what is undefined at import then depends on who came first. */
function circles(imports: ReadonlyMap<string, readonly Import[]>): string[] {
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) found.push(`circle: ${[...trail.slice(start), path].join(' -> ')}`);
    if (start >= 0 || done.has(path)) return;
    for (const one of imports.get(path) ?? []) {
      if (one.relative && !one.typeOnly) visit(one.to, [...trail, path]);
    }
    done.add(path);
  };
  for (const path of imports.keys()) visit(path, []);
  return found;
}

function singleUse(imports: ReadonlyMap<string, readonly Import[]>): string[] {
  const usersOf = (name: string): string[] =>
    [...imports].filter(([, list]) => list.some(({ to }) => to === name)).map(([path]) => path);
  const shared = SINGLE_USE.flatMap((name) => {
    const users = usersOf(name);
    const who = users.length === 0 ? 'no file' : users.join(' and ');
    return users.length === 1 ? [] : [`${name} is imported by ${who}; exactly one file should`];
  });
  const greedy = [...imports].flatMap(([path, list]) => {
    const packages = [...new Set(list.filter((one) => !one.relative).map(({ to }) => to))];
    return partOf(path) === 'adapters' && packages.length > 1
      ? [`${path} imports ${packages.join(' and ')}; an adapter has at most one dependency`]
      : [];
  });
  return [...shared, ...greedy];
}

function tooLong(path: string, text: string): string[] {
  const lines = text.trimEnd().split('\n').length;
  return lines > MAX_LINES ? [`${path} has ${lines} lines; ${MAX_LINES} is the most`] : [];
}

function untyped(path: string, text: string): string[] {
  const file = parse(path, text);
  const found = [...text.matchAll(/@ts-(?:ignore|expect-error|nocheck)/g)].map(
    (match) => `${path}:${lineAt(file, match.index)} has ${match[0]}`,
  );
  const visit = (node: ts.Node): void => {
    if (node.kind === ts.SyntaxKind.AnyKeyword) {
      found.push(`${path}:${lineAt(file, node.getStart(file))} has the type any`);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

function importsOf(path: string, text: string): Import[] {
  const file = parse(path, text);
  const found: Import[] = [];
  const add = (name: ts.Node, typeOnly: boolean): void => {
    if (!ts.isStringLiteralLike(name)) return;
    const relative = name.text.startsWith('.');
    found.push({
      to: relative
        ? posix.join(posix.dirname(path), name.text).replace(/\.js$/, '.ts')
        : packageOf(name.text),
      relative,
      typeOnly,
      line: lineAt(file, name.getStart(file)),
    });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      add(node.moduleSpecifier, isTypeImport(node.importClause));
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier) {
      add(node.moduleSpecifier, node.isTypeOnly);
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      add(node.argument.literal, true);
    } else if (ts.isCallExpression(node) && node.arguments[0]) {
      const { expression } = node;
      const isRequire = ts.isIdentifier(expression) && expression.text === 'require';
      if (expression.kind === ts.SyntaxKind.ImportKeyword || isRequire) {
        add(node.arguments[0], false);
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

/** `import type ...`. An `import { type A }` still loads the file, so it counts as a value. */
const isTypeImport = (clause: ts.ImportClause | undefined): boolean =>
  clause?.phaseModifier === ts.SyntaxKind.TypeKeyword;

const packageOf = (name: string): string =>
  name.startsWith('node:')
    ? name
    : name
        .split('/')
        .slice(0, name.startsWith('@') ? 2 : 1)
        .join('/');

/** `core` for `src/core/position.ts`, the empty string for `src/index.ts`. */
const partOf = (path: string): string => path.split('/').slice(1, -1)[0] ?? '';

const isSource = (path: string): boolean => path.startsWith('src/') && path.endsWith('.ts');

const parse = (path: string, text: string): ts.SourceFile =>
  ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, false);

const lineAt = (file: ts.SourceFile, position: number): number =>
  file.getLineAndCharacterOfPosition(position).line + 1;
