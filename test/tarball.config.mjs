// The tarball test alone: it builds, packs and installs, which takes longer than all other tests together.

import { environmentVariables } from './environment.mjs'

export default {
  extensions: ['ts'],
  environmentVariables,
  files: ['test/tarball/**/*.test.ts'],
  timeout: '5m',
}
