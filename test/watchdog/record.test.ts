import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { processStamp } from '../../broker/ground/process-stamp.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { findWatchdog, removeRecord, writeRecord } from '../../watchdog/record.ts'

const own = { pid: process.pid, stamp: processStamp(process.pid)!, since: 1, restarts: 2, last: { at: 3, how: 'killed by SIGKILL' } }

test('record: who looks finds the watchdog that runs, and none after it', t => {
  const home = temporaryDirectory(t)
  t.is(findWatchdog(home), undefined)
  writeRecord(home, own)
  t.deepEqual(findWatchdog(home), own)
  removeRecord(home)
  t.deepEqual(readdirSync(home), [])
})

test('record: one that was killed, and a pid that another process has got since, are none', t => {
  const home = temporaryDirectory(t)
  writeRecord(home, { ...own, stamp: `${own.stamp}0` })
  t.is(findWatchdog(home), undefined)
  for (const text of ['', '{', 'null', '7', '{"pid":"x"}']) {
    writeFileSync(join(home, 'watchdog.json'), text)
    t.is(findWatchdog(home), undefined, text)
  }
})

test('record: a home that cannot be written to is no error, and another watchdog\'s record stays', t => {
  t.notThrows(() => writeRecord('/nowhere/at/all', own))
  const home = temporaryDirectory(t)
  writeRecord(home, { ...own, pid: process.ppid })
  removeRecord(home)
  t.deepEqual(readdirSync(home), ['watchdog.json'])
})
