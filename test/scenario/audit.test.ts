// The audit log of a whole broker: what is in it after ordinary life, after a kill, and with each of its keys.

import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { homePaths } from '../../broker/ground/home.ts'
import { checkAuditFiles } from '../../telemetry/audit-check.ts'
import { auditFiles } from '../../telemetry/audit-file.ts'
import { startBroker, startBrokerProcess, type BrokerAccess } from '../support/broker.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { until } from '../support/until.ts'

type Entry = Readonly<Record<string, unknown>>

const script = join(import.meta.dirname, '../support/obedient-agent.ts')

function entries(home: string): Entry[] {
  const text = readFileSync(homePaths(home).audit, 'utf8')
  return text.split('\n').filter(line => line !== '').map(line => JSON.parse(line) as Entry)
}

const check = async (home: string) => checkAuditFiles(await auditFiles(homePaths(home).audit))

/** A client that comes with a wrong token and one that comes with the right one and goes. */
async function knock(broker: BrokerAccess): Promise<void> {
  const stranger = await broker.openJson()
  stranger.say({ type: 'hello', payload: { token: 'not-the-token-of-this-home' } })
  await stranger.ending()
  const guest = await broker.json({ client: 'guest' })
  guest.say({ type: 'goodbye' })
  await guest.ending()
}

test('audit: a day in the life of a broker, in order, without a secret', async t => {
  const broker = await startBroker(t, { config: { agents: [{ name: 'lamp', command: 'node', args: [script] }] } })
  await knock(broker)
  const client = await broker.connect({ clientId: 'desk' })
  const lamp = async (): Promise<string | undefined> => (await client.call('connections')).connections.find(({ agent }) => agent === 'lamp')?.id
  await until(async () => (await lamp()) !== undefined)
  const before = await lamp()
  await client.call('channel.create', { name: 'mine' })
  await client.call('trace.enable')
  await client.call('agent.restart', { name: 'lamp' })
  // One that the end of the broker meets in the middle of its handshake is refused, which is not this story.
  await until(async () => ![undefined, before].includes(await lamp()))
  await client.call('channel.delete', { name: 'mine' })
  await broker.native({ client: 'victim' })
  await client.call('connection.kill', { id: 'victim' })
  await client.call('stop')
  await broker.broker.exited
  const all = entries(broker.home)
  const told = all.filter(({ who, client }) => !String(who).startsWith('agent:') && !String(client).startsWith('lamp'))
  t.deepEqual(told.map(({ action, who, client, code, reason }) => [action, who, client ?? null, code ?? reason ?? null]).slice(0, 11), [
    ['broker.started', 'process', null, null],
    ['connection.refused', 'unix', null, 'auth.failed'],
    ['connection.admitted', 'owner', 'guest', null],
    ['connection.ended', 'owner', 'guest', 'connection.closed'],
    ['connection.admitted', 'owner', 'desk', null],
    ['channel.created', 'owner', 'desk', null],
    ['tracing.changed', 'owner', 'desk', null],
    ['agent.restarted', 'owner', 'desk', null],
    ['channel.deleted', 'owner', 'desk', null],
    ['connection.admitted', 'owner', 'victim', null],
    ['connection.killed', 'owner', 'desk', null],
  ])
  t.deepEqual(told.slice(11).map(({ action, who, client = '' }) => `${String(action)} ${String(who)} ${String(client)}`).toSorted(), ['broker.stopping owner ', 'connection.ended owner desk', 'connection.ended owner victim'])
  t.true(all.some(({ action, who }) => action === 'connection.admitted' && who === 'agent:lamp'))
  t.like(await check(broker.home), { problem: undefined, notes: [], entries: all.length })
  const text = readFileSync(homePaths(broker.home).audit, 'utf8')
  t.false(text.includes(broker.token) || text.includes('not-the-token'))
  t.is(statSync(homePaths(broker.home).audit).mode & 0o777, 0o600)
})

test('audit: after kill -9 the next broker goes on in the chain; what was cut off is said', async t => {
  const home = temporaryDirectory(t)
  const path = homePaths(home).audit
  for (let round = 1; round <= 3; round++) {
    const before = entriesSoFar(path)
    const broker = await startBrokerProcess(t, { home })
    // Killed in the middle of a crowd that comes and goes.
    const crowd = Promise.allSettled(Array.from({ length: 40 }, () => knock(broker)))
    await until(() => entriesSoFar(path) > before + 20)
    await broker.end('SIGKILL')
    await crowd
    // A kill at the wrong moment, made sure of.
    const text = readFileSync(path)
    writeFileSync(path, text.subarray(0, text.length - 40 * round))
  }
  const last = await startBrokerProcess(t, { home })
  await last.end('SIGTERM')
  const report = await check(home)
  t.is(report.problem, undefined)
  t.is(report.notes.filter(({ text }) => text.includes('was cut off')).length, 3)
  t.is(report.last?.seq, report.entries)
  const run = await last.callboard.run('logs', '--audit', '--verify')
  t.is(run.exit, 0, run.stderr)
  t.regex(run.stdout, /the chain holds/)
  t.like(entriesThatAre(path).at(-1), { action: 'broker.stopping', who: 'process' })
  t.is(entriesThatAre(path).filter(({ action }) => action === 'broker.started').length, 4)
})

function entriesSoFar(path: string): number {
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').length : 0
}

/** Without the lines that were cut off. */
function entriesThatAre(path: string): Entry[] {
  return readFileSync(path, 'utf8').split('\n').filter(line => line.endsWith('"}')).map(line => JSON.parse(line) as Entry)
}

test('audit: a storm of refusals is ten lines and a count, and nothing is missing from the count', async t => {
  const broker = await startBroker(t)
  const strangers = 300
  for (let i = 0; i < strangers; i += 50) {
    await Promise.all(Array.from({ length: 50 }, async () => {
      const stranger = await broker.openJson()
      stranger.say({ type: 'hello', payload: { token: 'wrong' } })
      await stranger.ending()
    }))
  }
  await broker.broker.stop()
  const refused = entries(broker.home).filter(({ action }) => action === 'connection.refused')
  const [counted, ...more] = refused.filter(({ count }) => count !== undefined)
  t.like(counted, { who: 'unix', count: strangers - 10, codes: `auth.failed ${strangers - 10}` })
  t.deepEqual(more, [])
  t.is(refused.length, 11)
})

test('audit: audit.enabled turns it off', async t => {
  const broker = await startBroker(t, { config: { audit: { enabled: false } } })
  await knock(broker)
  await broker.broker.stop()
  t.false(existsSync(homePaths(broker.home).audit))
})

test('audit: audit.maxFileSize and audit.keepFiles bound what is kept', async t => {
  const broker = await startBroker(t, { config: { audit: { maxFileSize: '16kb', keepFiles: 2 } } })
  const path = homePaths(broker.home).audit
  while (!existsSync(`${path}.2`)) await Promise.all(Array.from({ length: 20 }, () => knock(broker)))
  for (let i = 0; i < 3; i++) await Promise.all(Array.from({ length: 20 }, () => knock(broker)))
  await broker.broker.stop()
  const files = await auditFiles(path)
  t.deepEqual(files.map(file => file.slice(path.length)), ['.2', '.1', ''])
  for (const file of files) t.true(statSync(file).size <= 16 * 1024)
  const report = await check(broker.home)
  t.is(report.problem, undefined)
  t.true(report.first!.seq > 1)
})
