// `npm test`: what is looked at after each change. Units, parts of the broker put together in the test's own process, and a few whole brokers.
// What takes longer is in the runs of test/*.config.mjs; each test file is in exactly one run.

/* oxlint-disable typescript/no-unsafe-assignment -- plain JavaScript: nothing here has types */
import { clusterFiles } from './test/cluster.config.mjs'
import { environmentVariables, workerThreads } from './test/environment.mjs'
import { storeFiles } from './test/stores.config.mjs'
import { storyFiles } from './test/stories.config.mjs'

/** What waits for processes comes first, as at the end of a run nothing would be there to fill its pauses; in this order, then the rest. */
const LONG = ['test/scenario/', 'test/cli/', 'test/repository/', 'test/support/', 'test/broker/']

/** @param {string} file */
function rank(file) {
  const at = LONG.findIndex(folder => file.replaceAll('\\', '/').includes(folder))
  return at < 0 ? LONG.length : at
}

/** @type {(a: string, b: string) => number} */
const byLength = (a, b) => rank(a) - rank(b) || a.localeCompare(b)

export default {
  extensions: ['ts'],
  environmentVariables,
  workerThreads,
  files: ['test/**/*.test.ts', ...['test/tarball/**', ...clusterFiles, ...storeFiles, ...storyFiles].map(file => `!${file}`)],
  concurrency: 4,
  sortTestFiles: byLength,
  // Without any news for so long, which on a machine that others use is no matter of the tests; `until` ends before, and says what it waited for.
  timeout: '120s',
}
