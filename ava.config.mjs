// `npm test`. Stories of whole processes come first: they are long and wait for one another, and at the end of a run nothing would
// be there to fill their pauses. Without an order AVA takes the deepest folders last, which are those of the NATS servers.

import { clusterFiles } from './test/cluster.config.mjs'
import { storeFiles } from './test/stores.config.mjs'

/** In this order; what stands nowhere comes last. */
const LONG = ['test/scenario/', 'test/broker/upstream/', 'test/cli/', 'test/repository/', 'test/support/', 'test/examples/', 'test/broker/']

/** @param {string} file */
function rank(file) {
  const at = LONG.findIndex(folder => file.replaceAll('\\', '/').includes(folder))
  return at < 0 ? LONG.length : at
}

/** @type {(a: string, b: string) => number} */
const byLength = (a, b) => rank(a) - rank(b) || a.localeCompare(b)

export default {
  extensions: ['ts'],
  files: ['test/**/*.test.ts', '!test/tarball/**', ...clusterFiles.map(file => `!${file}`), ...storeFiles.map(file => `!${file}`)],
  timeout: '120s',
  concurrency: 4,
  sortTestFiles: byLength,
}
