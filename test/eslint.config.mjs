import { fileURLToPath } from 'node:url';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

// The core takes time and chance as arguments and gives effects as values; that is what lets tests
// compare whole traces and the simulator drive the shipped code.
const notInCore = [
  'Date',
  'performance',
  'setTimeout',
  'setInterval',
  'clearTimeout',
  'clearInterval',
  'queueMicrotask',
  'Promise',
  'globalThis',
  'window',
  'self',
  'document',
  'navigator',
  'process',
  'console',
  'crypto',
  'fetch',
];

export default defineConfig(
  { ignores: ['dist/**', 'coverage/**'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['src/**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: {
        // Each file by the nearest tsconfig.json: the core, the server kit and the rest differ.
        projectService: true,
        tsconfigRootDir: fileURLToPath(new URL('..', import.meta.url)),
      },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      // `isolatedDeclarations` wants the type at the member, not at the constructor.
      '@typescript-eslint/consistent-generic-constructors': 'off',
      // mitt's event maps must be type aliases: an interface has no index signature.
      '@typescript-eslint/consistent-type-definitions': 'off',
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
    },
  },
  {
    files: ['src/core/**/*.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        ...notInCore.map((name) => ({
          name,
          message:
            'The core is deterministic: it gets this from outside, or leaves it to the driver.',
        })),
      ],
      '@typescript-eslint/no-restricted-types': [
        'error',
        { types: { Promise: 'The core never waits: it returns an effect.' } },
      ],
      'no-restricted-properties': [
        'error',
        {
          object: 'Math',
          property: 'random',
          message: 'The core takes its chance as an argument.',
        },
      ],
      'no-restricted-syntax': [
        'error',
        ...[':function[async=true]', 'AwaitExpression', 'ForOfStatement[await=true]'].map(
          (selector) => ({ selector, message: 'The core never waits: it returns an effect.' }),
        ),
      ],
    },
  },
  {
    files: ['{test,demo}/**/*.{ts,mts,mjs,js}', '*.mjs'],
    extends: [tseslint.configs.recommended],
    rules: {
      '@typescript-eslint/no-explicit-any': 'off',
      // A leading underscore says: here only to reach the next one.
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
    },
  },
);
