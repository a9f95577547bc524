// How the outcome of a check looks in front of its line.

import { paint } from '../table.ts'

/** Four columns wide, each. */
export const marks = { ok: paint('green', 'ok  '), warn: paint('yellow', 'warn'), fail: paint('red', 'fail'), skip: paint('dim', 'skip') } as const
