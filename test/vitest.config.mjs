import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { firefoxPath, webkitPath } from './support/browsers.mjs';
import { projects } from './support/projects.mjs';
import { anyBrowser, tabCommands } from './support/vitest-provider.mjs';

// Chromium always; the other two where they are installed. TEST_BROWSERS=firefox,... picks.
const browsers = process.env.TEST_BROWSERS?.split(',') ?? [
  'chromium',
  ...(firefoxPath() ? ['firefox'] : []),
  ...(webkitPath() ? ['webkit'] : []),
];

export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          environment: 'happy-dom',
          include: projects.unit,
          // Here as below: a limit for a test that hangs, not for a busy machine.
          testTimeout: 30_000,
          setupFiles: ['test/support/unit-setup.ts'],
        },
      },
      {
        test: {
          name: 'node',
          environment: 'node',
          include: projects.node,
          testTimeout: 30_000,
          hookTimeout: 60_000,
          expect: { poll: { timeout: 15_000 } },
          // These files start servers, browsers and builds: side by side they would only wait.
          fileParallelism: false,
        },
      },
      {
        // Named here, or vite finds them in the first run and reloads the page in the middle of it.
        optimizeDeps: { include: ['mitt', 'idb-keyval', 'reconnecting-websocket'] },
        test: {
          name: 'browser',
          include: projects.browser,
          testTimeout: 15_000,
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: anyBrowser(),
            commands: tabCommands,
            api: { host: '127.0.0.1' },
            instances: browsers.map((browser) => ({ browser })),
          },
        },
      },
    ],
  },
});
