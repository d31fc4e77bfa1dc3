// Run by `npm test` before anything else: names the browsers it found, gets a missing Chromium on a
// Debian where we are root (TEST_APT=0 leaves that out), and says what to run anywhere else. When
// Chromium is there, nothing is fetched. Firefox and WebKit are used where they are, never installed.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chromiumPath, firefoxPath, webkitPath, which } from './browsers.mjs';

const isDebian = () => {
  try {
    // Only Debian itself: Ubuntu's package of this name is an empty shell around a snap.
    return /^ID=debian$/m.test(readFileSync('/etc/os-release', 'utf8'));
  } catch {
    return false;
  }
};

function installChromium() {
  console.log('Chromium is missing: root on Debian, getting it with apt-get ...');
  /** @param {string[]} args */
  const aptGet = (...args) =>
    spawnSync('apt-get', args, {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      stdio: ['ignore', 'ignore', 'inherit'],
    }).status === 0;
  return (
    aptGet('-qq', 'update') && aptGet('-qq', 'install', '-y', '--no-install-recommends', 'chromium')
  );
}

const mayInstall =
  process.env.TEST_APT !== '0' && process.getuid?.() === 0 && isDebian() && which(['apt-get']);
if (!chromiumPath() && mayInstall && !installChromium()) console.error('apt-get failed.');

const chromium = chromiumPath();
for (const [name, path] of [
  ['Chromium', chromium ?? 'NOT FOUND'],
  ['Firefox', firefoxPath() ?? 'not found: its tests are left out'],
  ['WebKit', webkitPath() ?? 'not found: its tests are left out'],
]) {
  console.log(`${name}: ${path}`);
}
if (!chromium) {
  console.error(
    process.platform === 'darwin'
      ? 'The tests need Chromium: brew install --cask google-chrome'
      : 'The tests need Chromium: sudo apt-get install --no-install-recommends chromium',
  );
  console.error('If it is somewhere unusual, name it: CHROMIUM_BIN=/path/to/chromium npm test');
  process.exit(1);
}
