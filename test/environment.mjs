// The environment of every test process, and of the programs that it starts.

export const environmentVariables = {
  // The default is short for a machine that runs many tests.
  CALLBOARD_CONNECT_TIMEOUT_MS: '60000',
}
