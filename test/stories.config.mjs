// Long stories of whole programs: brokers, agents and the command line as processes, storms on the gateway, and documents that are played as
// they are printed. Apart from `npm test`, which has what is looked at after each change.

/* oxlint-disable typescript/no-unsafe-assignment, typescript/no-unsafe-call -- plain JavaScript: nothing here has types */
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { clusterFiles } from './cluster.config.mjs'
import { environmentVariables, workerThreads } from './environment.mjs'
import { storeFiles } from './stores.config.mjs'

const STORIES = [
  'test/{bin,examples}/**/*.test.ts',
  'test/cli/{commands,mac}/**/*.test.ts',
  'test/cli/nats-server/differential.test.ts',
  'test/repository/{gateway-cli-doc,nats-page,queue-cli-doc,readme,readme-walkthroughs,telemetry-doc}.test.ts',
  'test/scenario/*.test.ts',
]

/** Of these, what takes a second or two and shows that the whole works: `npm test` has it. */
const QUICK = [
  'test/cli/commands/status.test.ts',
  'test/scenario/{addressing,agents,channels,dialects,failed-answers,flow,gateway,nats-crossing,nats-json,principals}.test.ts',
  'test/scenario/{publish-subscribe,queue-consuming,queue-publishing,reconnect,reload,requests,start-stop}.test.ts',
]

// By name, as AVA takes away after it has taken in, whatever the order.
export const storyFiles = globSync(STORIES, { cwd: join(import.meta.dirname, '..'), exclude: [...QUICK, ...clusterFiles, ...storeFiles] })

export default {
  extensions: ['ts'],
  environmentVariables,
  workerThreads,
  files: storyFiles,
  // Their processes come beside the run's own: with more files at a time each only waits longer for the others.
  concurrency: 3,
  timeout: '240s',
}
