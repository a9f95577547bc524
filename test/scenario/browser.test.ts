// The SDK in a real browser: a page that was not served by the gateway, as the sources are.

import { readFileSync } from 'node:fs'
import test, { type ExecutionContext } from 'ava'
import { homePaths } from '../../broker/ground/home.ts'
import { defaultSettings } from '../../broker/ground/settings.ts'
import { connect, type Client } from '../../client/index.ts'
import { createBroker, type Broker } from '../../index.ts'
import { BreakablePath } from '../support/breakable-path.ts'
import { noBrowser, openBrowser, openPage, run } from '../support/chromium.ts'
import { values } from '../support/collect.ts'
import { servePage } from '../support/page-server.ts'
import { recordedLog, type RecordedLog } from '../support/recorded-log.ts'
import { reservedPort } from '../support/reserved-port.ts'
import { temporaryDirectory, type Teardown } from '../support/temporary-directory.ts'
import { until } from '../support/until.ts'

interface Started {
  readonly broker: Broker
  readonly log: RecordedLog
  readonly token: string
  readonly local: Client
}

/** A broker whose gateway lets pages of `origin` in. */
async function start(t: Teardown, home: string, origin: string, port = 0): Promise<Started> {
  const log = recordedLog()
  const broker = await createBroker({ home, log, settings: { ...defaultSettings, gateway: { ...defaultSettings.gateway, port, allowedOrigins: [origin] } } })
  t.teardown(() => broker.stop())
  const local = await connect({ home, retry: false, requestTimeoutMs: 60_000 })
  t.teardown(() => local.destroy())
  return { broker, log, token: readFileSync(homePaths(home).token, 'utf8').trim(), local }
}

function browserTest(title: string, story: (t: ExecutionContext) => Promise<void>): void {
  if (noBrowser === undefined) test(title, story)
  else test.skip(`${title} (${noBrowser})`, story)
}

browserTest('browser: a page connects, publishes, subscribes, asks, streams, answers, and is back after a restart', async t => {
  const home = temporaryDirectory(t)
  const origin = await servePage(t)
  const port = await reservedPort(t)
  const { broker, token, local } = await start(t, home, origin, port)
  const url = broker.gatewayAddress!
  const page = await openPage(await openBrowser(t), origin)

  const retry = { maxRetries: Infinity, retryDelayMs: 20, backoffMultiplier: 1 }
  t.regex(await run(page, 'open', { url, token, retry }), /^browser-[0-9a-f]{12}$/)
  await run(page, 'subscribe', 'to.page')
  for (const value of [{ n: 1 }, 'text', Uint8Array.of(1, 2, 255)]) await local.publish('to.page', value)
  t.deepEqual(await run(page, 'take', 3), [{ n: 1 }, 'text', [1, 2, 255]])

  const fromPage = local.subscribe('to.node')
  await fromPage.ready
  t.is(await run(page, 'publish', 'to.node', [1, { two: 2 }, 'three']), 3)
  t.deepEqual(await values(fromPage, 3), [1, { two: 2 }, 'three'])

  await local.subscribe<number>('double', { onMessage: message => message.respond(message.value * 2) }).ready
  t.is(await run(page, 'request', 'double', 21), 42)
  await local.subscribe('count', {
    onMessage: async message => {
      for (const n of [1, 2, 3]) await message.part(n)
      await message.respond('done')
    },
  }).ready
  t.deepEqual(await run(page, 'stream', 'count'), [1, 2, 3, 'done'])
  await run(page, 'serve', 'add', 5)
  t.is((await local.request('add', 37)).value, 42)

  await run(page, 'watch')
  await broker.stop()
  const { local: again } = await start(t, home, origin, port)
  t.false(await run(page, 'back'), 'a broker that restarted knows no session')
  // Its next call comes after its subscriptions, on the same connection.
  await run(page, 'request', '$CB.api.ping', {})
  await again.publish('to.page', 'after the restart')
  t.deepEqual(await run(page, 'take', 1), ['after the restart'])
  await run(page, 'close')
})

browserTest('browser: a page whose connection breaks goes on with its session', async t => {
  const home = temporaryDirectory(t)
  const origin = await servePage(t)
  const { broker, token, local } = await start(t, home, origin)
  const { path, url } = await BreakablePath.toGateway(t, broker.gatewayAddress!)
  const page = await openPage(await openBrowser(t), origin)
  await run(page, 'open', { url, token, retry: { maxRetries: Infinity, retryDelayMs: 20, backoffMultiplier: 1 } })
  await run(page, 'subscribe', 'to.page')
  await run(page, 'watch')
  path.break()
  for (let n = 0; n < 100; n++) await local.publish('to.page', n)
  path.mend()
  t.true(await run(page, 'back'), 'the session goes on')
  t.deepEqual(await run(page, 'take', 100), Array.from({ length: 100 }, (_, n) => n))
  // A page that is left takes its session along, instead of leaving it to the broker for a minute.
  await page.goto('about:blank')
  await until(async () => (await local.call('connections')).connections.length === 1)
})

browserTest('browser: a page of a foreign origin is refused, with the right token too', async t => {
  const [allowed, foreign] = await Promise.all([servePage(t), servePage(t)])
  const { broker, token, log } = await start(t, temporaryDirectory(t), allowed)
  const url = broker.gatewayAddress!
  const browser = await openBrowser(t)
  const page = await openPage(browser, foreign)
  t.is(await run(page, 'refusal', { url, token }), 'connect.websocket')
  t.true(log.records.some(record => JSON.stringify(record).includes(foreign)), 'the log says which origin')
  const other = await openPage(browser, allowed)
  t.is(await run(other, 'refusal', { url, token: 'wrong' }), 'auth.failed')
  t.is(await run(other, 'refusal', { url, token }), 'connected')
})
