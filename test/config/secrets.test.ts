import test from 'ava'
import fc from 'fast-check'
import { ConfigError } from '../../config/error.ts'
import { parseConfig } from '../../config/parse.ts'

/** Slips around a token: each makes the configuration wrong in another way. */
const slips: readonly ((secret: string) => string)[] = [
  secret => `principals: [{name: p, token: "${secret} "}]`,
  secret => `principals: [{name: p, token: "${secret}", tokenFile: x}]`,
  secret => `principals: [{name: p, token: ["${secret}"]}]`,
  secret => `principals: [{name: p, token: {value: "${secret}"}}]`,
  secret => `principals: [{name: p, tokne: "${secret}"}]`,
  secret => `principals: ["${secret}"]`,
  secret => `principals: "${secret}"`,
  secret => `principals: {p: "${secret}"}`,
  secret => `principals: [{name: p, token:${secret}}]`,
  secret => `principals:\n- name: p\n  token:${secret}\n`,
  secret => `principals:\n- name: p\n  token: *${secret}`,
  secret => `principals:\n- name: p\n  token: !${secret} x`,
  secret => `principals:\n- name: p\n  token: "${secret}`,
  secret => `principals:\n- name: p\n  token: "${secret}\\q"`,
  secret => `principals:\n- name: p\n  token: "${secret}"\n  token: "${secret}"`,
  secret => `principals:\n- name: p\n  token: "${secret}"\n name: x`,
  secret => `principals: [{name: p, token: "${secret}"}, {name: p, token: "${secret}"}]`,
  secret => `agents: [{name: a, command: b, env: {API_KEY:${secret}}}]`,
  secret => `agents: [{name: a, command: b, env: {API_KEY: ["${secret}"]}}]`,
  secret => `principals: [{name: p, nkey: SU${secret}}]`,
  secret => `principals: [{name: p, nkey:SU${secret}}]`,
  secret => `principals: [{name: p, nkey: [SU${secret}]}]`,
  secret => `principals: [{name: p, nkey: SU${secret}}, {name: q, nkey: SU${secret}}]`,
  secret => `telemetry: {headers: {authorization: ["${secret}"]}}`,
  secret => `telemetry: {headers: {authorization: "${secret}\\u00e9"}}`,
  secret => `telemetry: {headers: {authorization:${secret}}}`,
  secret => `telemetry: {headers: "${secret}"}`,
  secret => `telemetry: {headers: ["${secret}"]}`,
  secret => `store: {redis: {url: "redis://me:${secret}@host"}}`,
  secret => `store: {redis: {password: "${secret}"}}`,
  secret => `store: {redis: {passwordFile: ["${secret}"]}}`,
  secret => `store: {embedded: {encryption: {keys: ["${secret}"]}}}`,
  secret => `store: {embedded: {encryption: "${secret}"}}`,
]

test('config: no slip around a token brings it into a message', async t => {
  const secret = fc.string({ unit: fc.constantFrom(...Array.from('abcdefXYZ0123456789')), minLength: 20, maxLength: 40 })
  await fc.assert(fc.asyncProperty(secret, fc.nat(slips.length - 1), fc.constantFrom('yaml' as const, 'json' as const), async (secret, slip, format) => {
    const error: unknown = await parseConfig(slips[slip]!(secret), { path: '/x', format }).then(() => undefined, (error: unknown) => error)
    if (!(error instanceof ConfigError)) return false
    return ![error.message, String(error.stack), JSON.stringify(error.problems), JSON.stringify(error.details)].some(text => text.includes(secret))
  }), { numRuns: 400 })
  t.pass()
})
