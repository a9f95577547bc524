// The thread of one long piece of work on a store: does it, tells how far it is, answers, ends. Started by maintenance.ts.

import { parentPort, workerData } from 'node:worker_threads'
import { BrokerError } from '../../ground/errors.ts'
import type { BackupReport, VerifyReport } from '../../ground/store.ts'
import { backupStore, type BackupWishes } from './backup.ts'
import { verifyStore, type VerifyWishes } from './verify.ts'

export type MaintenanceJob = { readonly kind: 'verify'; readonly wishes: VerifyWishes } | { readonly kind: 'backup'; readonly wishes: BackupWishes }

export type MaintenanceAnswer =
  | { readonly done: number; readonly total: number }
  | { readonly result: VerifyReport | BackupReport }
  | { readonly error: Pick<BrokerError, 'code' | 'details'> }

/** Progress is told that often at most. ms */
const TELL_MS = 100

const job = workerData as MaintenanceJob
let toldAt = 0

function tell(answer: MaintenanceAnswer): void {
  parentPort!.postMessage(answer, [])
}

function onProgress(done: number, total: number): void {
  const now = performance.now()
  if (now - toldAt < TELL_MS && done < total) return
  toldAt = now
  tell({ done, total })
}

try {
  tell({ result: await (job.kind === 'verify' ? verifyStore(job.wishes, onProgress) : backupStore(job.wishes, onProgress)) })
} catch (error) {
  const { code, details } = BrokerError.from(error)
  tell({ error: { code, details } })
}
