// Runs long work on a store in a thread of its own, so that neither the broker nor the store thread waits for it.

import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { BrokerError } from '../../ground/errors.ts'
import type { BackupReport, VerifyReport } from '../../ground/store.ts'
import type { BackupWishes } from './backup.ts'
import type { Progress } from './backup-file.ts'
import type { MaintenanceAnswer, MaintenanceJob } from './maintenance-thread.ts'
import type { VerifyWishes } from './verify.ts'

/** Work that was begun, and how to end it early. */
export interface Running<T> {
  readonly result: Promise<T>
  /** Rejects `result` with `store.unavailable` when it is still under way. */
  stop(): Promise<void>
}

/** As verifyStore, on a thread. */
export function verifyInThread(wishes: VerifyWishes, onProgress: Progress): Running<VerifyReport> {
  return run<VerifyReport>({ kind: 'verify', wishes }, onProgress)
}

/** As backupStore, on a thread. */
export function backupInThread(wishes: BackupWishes, onProgress: Progress): Running<BackupReport> {
  return run<BackupReport>({ kind: 'backup', wishes }, onProgress)
}

/** Of the thread's heap: rows live for a batch of 500, and with V8's 48 the buffers of many batches stay. MiB */
const YOUNG_MIB = 6

function run<T extends VerifyReport | BackupReport>(job: MaintenanceJob, onProgress: Progress): Running<T> {
  const worker = new Worker(new URL(`./maintenance-thread${extname(import.meta.url)}`, import.meta.url), { workerData: job, stdout: false, resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB } })
  let isStopped = false
  const result = new Promise<T>((resolve, reject) => {
    worker.on('message', (answer: MaintenanceAnswer) => {
      if ('done' in answer) onProgress(answer.done, answer.total)
      else if ('result' in answer) resolve(answer.result as T)
      else reject(new BrokerError(answer.error.code, answer.error.details))
    })
    worker.once('error', error => reject(BrokerError.from(error)))
    worker.once('exit', code => reject(new BrokerError('store.unavailable', { backend: 'embedded', problem: isStopped ? `the ${job.kind} was stopped` : `the thread of the ${job.kind} ended with ${code}` })))
  })
  return {
    result,
    stop: async () => {
      isStopped = true
      await worker.terminate()
    },
  }
}
