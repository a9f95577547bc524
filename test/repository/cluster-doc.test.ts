// docs/cluster.md works as it is printed: its certificates, keys, server configuration and broker configuration, on three
// addresses of this machine in place of three hosts.

import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { noOpenssl } from '../support/certificates.ts'
import { NatsCluster } from '../support/nats-cluster.ts'
import { NatsServer, noNatsServer } from '../support/nats-server.ts'
import { reservedPort } from '../support/reserved-port.ts'
import { temporaryDirectory, type Teardown } from '../support/temporary-directory.ts'

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
  here(text: string, own?: number): string
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

const title = 'cluster page: three hosts set up as it says are one cluster with JetStream'
const missing = noNatsServer ?? noOpenssl
if (missing === undefined)
  test(title, async t => {
    const { cluster } = await followPage(t)
    const leader = await cluster.untilLed()
    t.is((await leader.monitor<{ meta_cluster: { cluster_size: number } }>('jsz'))?.meta_cluster.cluster_size, 3)
  })
else test.skip(`${title} (left out: ${missing})`, () => {})
