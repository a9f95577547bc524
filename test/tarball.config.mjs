// The tarball test alone: it builds, packs and installs, which takes longer than all other tests together.

import { environmentVariables, workerThreads } from './environment.mjs'

export default {
  extensions: ['ts'],
  environmentVariables,
  workerThreads,
  files: ['test/tarball/**/*.test.ts'],
  timeout: '5m',
}
