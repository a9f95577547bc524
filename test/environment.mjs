// In what every test file runs: processes, and the environment of them and of the programs that they start.

export const environmentVariables = {
  // The default is short for a machine that runs many tests.
  CALLBOARD_CONNECT_TIMEOUT_MS: '60000',
}

/** No: each file has a process of its own. Of threads each would hold, while it forks, what another has just closed: ports answer on, and end connections. */
export const workerThreads = false
