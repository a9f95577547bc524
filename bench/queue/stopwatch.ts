// Wall time, and CPU time of server and driver, from start to stop.

import { cpuSeconds } from '../measure/cpu.ts'

export interface Used {
  readonly wallSeconds: number
  readonly serverCpuSeconds: number
  readonly loadCpuSeconds: number
}

export class Stopwatch {
  readonly #pid: number
  #sinceMs = 0
  #server = 0
  #load = 0

  /** `pid`: the server's. */
  constructor(pid: number) {
    this.#pid = pid
  }

  start(): void {
    this.#server = cpuSeconds(this.#pid)
    this.#load = cpuSeconds(process.pid)
    this.#sinceMs = performance.now()
  }

  stop(): Used {
    return { wallSeconds: (performance.now() - this.#sinceMs) / 1000, serverCpuSeconds: cpuSeconds(this.#pid) - this.#server, loadCpuSeconds: cpuSeconds(process.pid) - this.#load }
  }
}
