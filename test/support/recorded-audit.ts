// An audit log that a test can read.

import type { Audit, AuditAction, AuditFields } from '../../broker/ground/audit.ts'

interface RecordedEntry {
  readonly action: AuditAction
  readonly who: string
  readonly [field: string]: unknown
}

export class RecordedAudit implements Audit {
  readonly entries: RecordedEntry[] = []

  record(action: AuditAction, who: string, fields: AuditFields = {}): void {
    // As a line of JSON has it: what is undefined is not there.
    this.entries.push(JSON.parse(JSON.stringify({ action, who, ...fields })) as RecordedEntry)
  }

  /** The entries since the last call. */
  take(): RecordedEntry[] {
    return this.entries.splice(0)
  }
}
