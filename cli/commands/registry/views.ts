// `callboard registry ls`, `show`, `negotiate`: who answers under which name.

import type { InstanceHealth, InstanceKind, RegistryQuery } from '../../../client/index.ts'
import type { Context } from '../../context.ts'
import { formatCount, plural } from '../../format.ts'
import { instanceColumns } from '../../instance-view.ts'
import { note, print, printJson } from '../../output.ts'
import { formatFields, formatTable } from '../../table.ts'
import { withClient } from '../../with-client.ts'

interface ListOptions {
  readonly name?: string
  readonly kind?: InstanceKind
  readonly range?: string
  readonly capability?: string
  readonly metadata?: Readonly<Record<string, string>>
  readonly health?: InstanceHealth
  readonly limit?: number
}

export async function listInstances(context: Context, { range, ...more }: ListOptions): Promise<void> {
  const query: RegistryQuery = { ...more, ...(range !== undefined && { version: range }) }
  const answer = await withClient(context, client => client.registry.list(query))
  if (context.isJson) return printJson(answer)
  const { instances, total } = answer
  await print(total === 0 ? `no instance${Object.keys(query).length === 0 ? ' is registered; programs register by the SDK\'s client.register, see docs/registry.md' : ' is such'}` : formatTable(instanceColumns, instances))
  if (total > instances.length) note(`${formatCount(total - instances.length)} more; see them with --limit`)
}

export async function showService(context: Context, _options: object, words: readonly string[]): Promise<void> {
  const service = await withClient(context, client => client.registry.show(words[0]!))
  if (context.isJson) return printJson(service)
  const { name, subject, balancing, healthy, total, instances } = service
  await print(formatFields([['name', name], ['requests to', subject], ['balancing', balancing], ['instances', `${plural(total, 'instance')}, ${formatCount(healthy)} healthy`]]))
  await print(`\n${formatTable(instanceColumns, instances)}`)
  for (const { instance, endpoints, metadata, weight } of instances) {
    const about = [...(weight === 100 ? [] : [`weight ${weight}`]), ...Object.entries(metadata).map(([key, value]) => `${key}=${value}`), ...endpoints.map(endpoint => `${endpoint.name}: ${endpoint.url ?? endpoint.subject ?? '-'}`)]
    if (about.length > 0) await print(`\n${formatFields([[instance, about.join(', ')]])}`)
  }
}

export async function negotiateCapability(context: Context, _options: object, words: readonly string[]): Promise<void> {
  const found = await withClient(context, client => client.registry.negotiate(words[0]!))
  if (context.isJson) return printJson(found)
  const { capability, provider, fallback, instance } = found
  if (instance === undefined) return print(`nobody gives ${capability}, and it is not required`)
  await print(`${capability}: ${instance.name}, instance ${instance.instance}${provider === undefined ? '' : `, as ${provider}${fallback ? ', the fallback' : ''}`}`)
}
