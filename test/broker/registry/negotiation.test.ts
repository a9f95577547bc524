import test from 'ava'
import type { InstanceInfo, Registration } from '../../../broker/ground/registry.ts'
import type { CapabilitySettings } from '../../../broker/ground/registry-settings.ts'
import { negotiate } from '../../../broker/registry/negotiation.ts'
import { owner, registry } from '../../support/instances.ts'

function having(...registrations: readonly (Registration & { readonly isRemote?: boolean })[]): readonly InstanceInfo[] {
  const found = registry()
  for (const [i, { isRemote = false, ...registration }] of registrations.entries()) found.register(owner(i + 1, { isLocal: !isRemote }), { capabilities: ['tts'], ...registration })
  return found.find({ capability: 'tts' }).instances
}

const iphone = { name: 'phone', kind: 'node', metadata: { nodeType: 'ios' }, isRemote: true } as const
const cloud = { name: 'speech', metadata: { place: 'cloud' }, isRemote: true } as const
const host = { name: 'say' }
const settings: CapabilitySettings = { providers: ['node:macos', 'node:ios', 'cloud'], fallback: undefined, preference: 'listed', required: true }

test('negotiation: the first provider of the list that somebody is', t => {
  t.like(negotiate('tts', settings, having(cloud, iphone)), { provider: 'node:ios', fallback: false, instance: { name: 'phone' } })
  t.like(negotiate('tts', settings, having(cloud)), { provider: 'cloud', instance: { name: 'speech' } })
  t.like(negotiate('tts', { ...settings, providers: ['service:say', 'cloud'] }, having(cloud, host)), { provider: 'service:say' })
})

test('negotiation: local_first takes who is on this machine before the order of the list', t => {
  const all = having(iphone, cloud, host)
  const listed = { ...settings, providers: ['cloud', 'host', 'node:ios'] }
  t.is(negotiate('tts', listed, all).provider, 'cloud')
  t.is(negotiate('tts', { ...listed, preference: 'local_first' }, all).provider, 'host')
  t.is(negotiate('tts', { ...listed, preference: 'local_first' }, having(iphone, cloud)).provider, 'cloud')
})

test('negotiation: the fallback is tried last and says that it is one', t => {
  t.like(negotiate('tts', { ...settings, fallback: 'host' }, having(host)), { provider: 'host', fallback: true, instance: { name: 'say' } })
  t.like(negotiate('tts', { ...settings, fallback: 'host' }, having(host, cloud)), { provider: 'cloud', fallback: false })
})

test('negotiation: a required capability without provider is an error that names who could give it', t => {
  const error = t.throws(() => negotiate('tts', { ...settings, fallback: 'host' }, []), { code: 'registry.no_provider' })
  t.regex(error.message, /"tts".*node:macos, node:ios, cloud, host$/)
  t.deepEqual(negotiate('tts', { ...settings, required: false }, having(host)), { capability: 'tts', required: false, fallback: false })
  t.throws(() => negotiate('tts', undefined, []), { code: 'registry.no_provider' })
  t.like(negotiate('tts', undefined, having(host)), { instance: { name: 'say' } })
})

test('negotiation: who drains gives nothing, and who is unhealthy only where nobody else does', t => {
  t.throws(() => negotiate('tts', settings, having({ ...cloud, health: 'draining' })), { code: 'registry.no_provider' })
  t.is(negotiate('tts', settings, having({ ...iphone, health: 'unhealthy' }, cloud)).provider, 'cloud')
  t.is(negotiate('tts', settings, having({ ...iphone, health: 'unhealthy' })).provider, 'node:ios')
})
