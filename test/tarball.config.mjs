// The tarball test alone: it builds, packs and installs, which takes longer than all other tests together.

export default {
  extensions: ['ts'],
  files: ['test/tarball/**/*.test.ts'],
  timeout: '5m',
}
