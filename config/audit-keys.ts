// The block `audit`: the log of who did what.

import { defaultSettings } from '../broker/ground/settings.ts'
import { block, defaulted } from './keys.ts'
import { count, flag, size } from './kinds.ts'
import { formatSize } from './size.ts'

const { audit } = defaultSettings

const KIB = 1024
const GIB = 1024 * 1024 * KIB

export const auditBlock = block({
  enabled: defaulted(flag, audit.enabled, 'Write down who connected, was refused, and changed what, in audit.log of the home.'),
  maxFileSize: defaulted(size(16 * KIB, GIB), formatSize(audit.maxFileBytes), 'A file that would grow larger is set aside as audit.log.1, and a new one begins.'),
  keepFiles: defaulted(count(0, 1000), audit.keepFiles, 'How many files set aside are kept; the oldest is removed for one more.'),
})
