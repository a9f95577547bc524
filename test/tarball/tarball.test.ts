// What a user gets from the registry works: installed elsewhere, on the Node that the machine has.

import { once } from 'node:events'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import anyTest, { type TestFn } from 'ava'
import { installPackage, type InstalledPackage } from '../support/installed-package.ts'
import { until } from '../support/until.ts'

const test = anyTest as TestFn<{ installed: InstalledPackage }>
const checkout = join(import.meta.dirname, '../..')
const releases: (() => unknown)[] = []

test.before(async t => {
  t.context.installed = await installPackage({ teardown: release => void releases.unshift(release) })
})

test.after.always(async () => {
  for (const release of releases) await release()
})

test('tarball: it holds what is needed to run, and no sources, tests or records of decisions', t => {
  const { packed } = t.context.installed
  for (const file of ['bin/callboard.mjs', 'bin/callboard-mac.mjs', 'bin/launch.mjs', 'bin/watchdog.mjs', 'dist/index.js', 'dist/index.d.ts', 'dist/client/index.js', 'dist/client/index.d.ts', 'dist/client/browser.js', 'dist/client/browser.d.ts', 'dist/cli/main.js', 'dist/cli/mac/main.js', 'dist/agents/sandbox/launcher.js', 'dist/watchdog/main.js', 'dist/config/schema.json', 'dist/proto/callboard/v1/gateway.proto', 'proto/callboard/v1/gateway.proto', 'dist/examples/fleet.yaml', 'docs/protocol.md', 'LICENSE', 'README.md', 'CHANGELOG.md']) {
    t.true(packed.includes(file), file)
  }
  const allowed = /^(bin\/(callboard|callboard-mac|launch|become|watchdog)\.mjs|dist\/(?!test|bench|scripts).+\.(js|d\.ts|json|yaml|py|proto)|proto\/.+\.proto|docs\/[^/]+\.md|LICENSE|README\.md|CHANGELOG\.md|package\.json)$/
  t.deepEqual(packed.filter(file => !allowed.test(file)), [])
})

test('tarball: nothing in it imports a TypeScript source or starts one', t => {
  const { packed, directory } = t.context.installed
  const referring = packed.filter(file => file.endsWith('.js') && /['"`]\.{1,2}\/[^'"`\n ]*\.ts['"`]/.test(readFileSync(join(directory, 'node_modules/callboard', file), 'utf8')))
  t.deepEqual(referring, [])
})

test('tarball: npx callboard starts, answers and stops', async t => {
  const { home, run, start } = t.context.installed.newHome(t)
  const broker = await start(line => line.includes('listens at'), 'npx', 'callboard', 'start')
  t.true(statSync(join(home, 'callboard.sock')).isSocket())
  const status = JSON.parse(await run('npx', 'callboard', 'status', '--json')) as { home: string; phase: string }
  t.is(status.home, home)
  t.is(status.phase, 'run')
  const checked = JSON.parse(await run('npx', 'callboard-mac', 'connect', '--json')) as { ok: boolean }
  t.true(checked.ok)
  const ended = once(broker, 'exit')
  await run('npx', 'callboard', 'stop')
  t.deepEqual(await ended, [0, null])
  t.false(existsSync(join(home, 'callboard.sock')))
})

test('tarball: the sample fleet runs from the package', async t => {
  const { run, start } = t.context.installed.newHome(t)
  const broker = await start(line => line.includes('listens at'), 'npx', 'callboard', 'start', '--config', 'node_modules/callboard/dist/examples/fleet.yaml')
  let answer: string | undefined
  // The broker answers before its agents have come up.
  await until(async () => {
    answer = await run('npx', 'callboard', 'ipc', 'send', '--message', '{"action":"status","target":"gateway"}', '--wait', '--json').catch((error: unknown) => {
      if (!String((error as { stderr?: string }).stderr).includes('request.no_responders')) throw error
      return undefined
    })
    return answer !== undefined
  })
  t.true(typeof JSON.parse(answer!) === 'object', answer)
  const ended = once(broker, 'exit')
  await run('npx', 'callboard', 'stop')
  t.deepEqual(await ended, [0, null])
})

test('tarball: a program on the Node of the host imports callboard/client', async t => {
  const { directory, newHome } = t.context.installed
  const { run, start } = newHome(t)
  const broker = await start(line => line.includes('listens at'), 'npx', 'callboard', 'start')
  const program = `
    import { connect } from 'callboard/client'
    const client = await connect()
    const news = client.subscribe('news.>')
    await news.ready
    await client.publish('news.today', { is: 'good' }, { receipt: true })
    for await (const message of news) {
      console.log(JSON.stringify(message.value))
      break
    }
    await client.close()
  `
  writeFileSync(join(directory, 'client.mjs'), program)
  t.is(await run('node', 'client.mjs'), '{"is":"good"}\n')
  const ended = once(broker, 'exit')
  await run('npx', 'callboard', 'stop')
  t.deepEqual(await ended, [0, null])
})

test('tarball: a program on the Node of the package imports callboard', async t => {
  const { directory, newHome } = t.context.installed
  const { run } = newHome(t)
  const program = `
    import { createBroker } from 'callboard'
    import { connect } from 'callboard/client'
    const broker = await createBroker()
    const client = await connect()
    console.log((await client.call('status')).pid === broker.pid)
    await client.close()
    await broker.stop()
  `
  writeFileSync(join(directory, 'embedded.mjs'), program)
  t.is(await run('node_modules/.bin/node', 'embedded.mjs'), 'true\n')
})

test('tarball: a TypeScript program is checked against the types of the package', async t => {
  const { directory, newHome } = t.context.installed
  const { run } = newHome(t)
  const check = (source: string): Promise<string> => {
    writeFileSync(join(directory, 'consumer.ts'), source)
    return run(process.execPath, join(checkout, 'node_modules/typescript/bin/tsc'), '-p', directory)
  }
  writeFileSync(
    join(directory, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: { strict: true, noEmit: true, target: 'ES2022', module: 'NodeNext', typeRoots: [join(checkout, 'node_modules/@types')], types: ['node'], exactOptionalPropertyTypes: true },
      files: ['consumer.ts'],
    }),
  )
  const good = `
    import { createBroker } from 'callboard'
    import { connect } from 'callboard/client'
    export async function run(): Promise<number> {
      const client = await connect({ program: 'consumer' })
      const { receivers } = await client.publish('a.b', { some: 'value' }, { receipt: true })
      await client.close()
      return receivers
    }
    export { createBroker }
  `
  t.is(await check(good), '')
  const error = await t.throwsAsync(check(good.replace(`'consumer'`, '1').replace('return receivers', 'return client')))
  t.regex((error as Error & { stdout: string }).stdout, /TS2322[\s\S]*TS2322/)
})
