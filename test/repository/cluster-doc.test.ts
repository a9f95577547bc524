// docs/cluster.md works as it is printed: its certificates, keys, server configuration and broker configuration, on three
// addresses of this machine in place of three hosts.

import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { nkeyAuthenticator, type Authenticator } from '@nats-io/transport-node'
import test, { type Implementation } from 'ava'
import { startBrokerProcess, type BrokerProcess } from '../support/broker.ts'
import { certificateAuthority, noOpenssl } from '../support/certificates.ts'
import { connectNats } from '../support/nats-client.ts'
import { NatsCluster } from '../support/nats-cluster.ts'
import { NatsServer, noNatsServer } from '../support/nats-server.ts'
import { reservedPort } from '../support/reserved-port.ts'
import { temporaryDirectory, type Teardown } from '../support/temporary-directory.ts'
import { until } from '../support/until.ts'

const root = join(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'docs/cluster.md'), 'utf8')
const HOSTS = [1, 2, 3] as const

/** The only block of that language in which `word` stands. */
function block(language: string, word: string): string {
  const found = [...page.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].filter(([, its, text]) => its === language && text!.includes(word))
  if (found.length !== 1) throw new Error(`${found.length} blocks of ${language} with ${word}`)
  return found[0]![2]!
}

interface Hosts {
  readonly directory: string
  /** What a text of the page says on these hosts instead of the page's; `own` is the host that reads it. */
  readonly here: (text: string, own?: number) => string
  readonly seeds: readonly string[]
  readonly cluster: NatsCluster
}

/** Three addresses that no other test has: every address that begins with 127 is this machine. */
async function addresses(t: Teardown): Promise<string> {
  const number = await reservedPort(t)
  return `127.${number >> 8}.${number & 255}`
}

async function followPage(t: Teardown): Promise<Hosts> {
  const [directory, net] = [temporaryDirectory(t), await addresses(t)]
  const here = (text: string, own = 1): string =>
    text
      .replaceAll(/DNS:nats-(\$?\w)\.example\.org/g, `IP:${net}.$1`)
      .replaceAll(/nats-(\d)\.example\.org/g, `${net}.$1`)
      .replaceAll('nats-1', `nats-${own}`)
      .replaceAll(/0\.0\.0\.0|127\.0\.0\.1/g, `${net}.${own}`)
      .replaceAll('/etc/nats/', `${directory}/`)
      .replaceAll('/var/lib/nats', join(directory, `store-${own}`))
  execFileSync('bash', ['-euc', here(block('sh', 'openssl'))], { cwd: directory, stdio: 'pipe' })
  const keys = HOSTS.map(() => execFileSync('bash', ['-euc', block('sh', 'createUser')], { cwd: root, encoding: 'utf8', env: { ...process.env, PATH: `${join(process.execPath, '..')}:${process.env['PATH']}` } }).trim().split('\n') as [string, string])
  const conf = keys.reduce((text, [, publicKey], i) => text.replace(`<public key of broker ${i + 1}>`, publicKey), block('conf', 'jetstream'))
  const servers = HOSTS.map(own => {
    const file = join(directory, `nats-server-${own}.conf`)
    mkdirSync(join(directory, `store-${own}`))
    writeFileSync(file, here(conf, own))
    return NatsServer.ofFile(t, file, { name: `nats-${own}`, host: `${net}.${own}`, port: 4222, monitorPort: 8222 })
  })
  await Promise.all(servers.map(server => server.start()))
  return { directory, here, seeds: keys.map(([seed]) => seed), cluster: new NatsCluster(servers) }
}

/** Brokers as step 4 of the page configures them, one on each host. */
async function startBrokers(t: Teardown, { here, seeds }: Hosts): Promise<BrokerProcess[]> {
  return Promise.all(
    seeds.map(seed => {
      const home = temporaryDirectory(t)
      writeFileSync(join(home, 'config.yaml'), here(block('yaml', 'bus:')))
      writeFileSync(join(home, 'nats.nk'), `${seed}\n`, { mode: 0o600 })
      return startBrokerProcess(t, { home })
    }),
  )
}

function pageTest(title: string, story: Implementation<[]>): void {
  const missing = noNatsServer ?? noOpenssl
  if (missing === undefined) test.serial(`cluster page: ${title}`, story)
  else test.skip(`cluster page: ${title} (left out: ${missing})`, story)
}

pageTest('three hosts set up as it says are one, and strangers stay outside', async t => {
  const hosts = await followPage(t)
  const { cluster, directory } = hosts
  const leader = await cluster.untilLed()
  t.is((await leader.monitor<{ meta_cluster: { cluster_size: number } }>('jsz'))?.meta_cluster.cluster_size, 3)

  const brokers = await startBrokers(t, hosts)
  const clients = await Promise.all(brokers.map(broker => broker.connect()))
  for (const client of clients) await until(async () => (await client.call('status')).bus?.cluster.brokers.length === 2)
  const heard = clients[0]!.subscribe<string>('greetings.*')
  await heard.ready
  await until(async () => (await clients[2]!.publish('greetings.from', 'hello', { receipt: 'delivered' })).forwarded === 1)
  for await (const { value } of heard) {
    t.is(value, 'hello')
    break
  }
  // What the page shows of it is there, in its words, as soon as the first broker has heard of the others' clients.
  for (const command of ['status', 'doctor']) {
    let printed = ''
    await until(
      async () => {
        printed = (await brokers[0]!.callboard.run(command)).stdout
        return shown(command).every(line => matchesLine(line, printed))
      },
      () => ({ missing: shown(command).filter(line => !matchesLine(line, printed)), printed }),
    )
  }

  // The library takes the certificate for one of `localhost` unless it is told the address.
  const trusting = { caFile: join(directory, 'ca.pem'), host: new URL(cluster.urls[0]!).hostname }
  const key = (seed: string): { authenticator: Authenticator } => ({ authenticator: nkeyAuthenticator(new TextEncoder().encode(seed)) })
  await t.notThrowsAsync(connectNats(t, cluster.urls[0]!, { tls: trusting, ...key(hosts.seeds[0]!) }))
  await t.throwsAsync(connectNats(t, cluster.urls[0]!, { tls: trusting }), { message: /authorization/i })
  await t.throwsAsync(connectNats(t, cluster.urls[0]!, { tls: { ...trusting, caFile: certificateAuthority(t).caFile }, ...key(hosts.seeds[0]!) }), { message: /certificate/i })
})

/** Lines that the page shows behind `$ callboard <command>`; `…` stands for anything, and so do numbers and names. */
function shown(command: string): string[] {
  return block('console', `callboard ${command}\n`).split('\n').filter(line => line !== '' && line !== '…' && !line.startsWith('$'))
}

function matchesLine(line: string, output: string): boolean {
  const words = line.split(/(…|callboard-\S+ at [^,;]+|nats-\S+|[\d.]+(?: ms| s)?)/).map((part, i) => (i % 2 === 1 ? '.*' : part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`).replaceAll(/ +/g, ' +')))
  return new RegExp(`^${words.join('')}$`, 'm').test(output)
}
