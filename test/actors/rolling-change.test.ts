import test from 'ava'
import { roll } from '../../actors/rolling-change.ts'
import { BrokerError } from '../../broker/ground/errors.ts'
import { recordedLog } from '../support/recorded-log.ts'

/** Rolls three instances; what was done, and the error. `fails`: steps that do; `serves`: whether the one more does, after what was done. */
async function rolled(fails: readonly string[], serves: (done: readonly string[]) => boolean = () => true): Promise<{ readonly done: readonly string[]; readonly error: BrokerError | undefined }> {
  const done: string[] = []
  const step = (name: string): Promise<void> => {
    done.push(name)
    return fails.includes(name) ? Promise.reject(new BrokerError('agent.failed', { agent: 'weather', problem: `did not (${name})` })) : Promise.resolve()
  }
  const change = {
    agent: 'weather', instances: [1, 2, 3], log: recordedLog(),
    serves: async () => serves(done), surge: (n: number) => step(`surge ${n}`), replace: (n: number, isBack: boolean) => step(`${isBack ? 'back' : 'replace'} ${n}`), retire: (n: number) => step(`retire ${n}`),
  }
  const error = await roll(change).then(() => undefined, (thrown: unknown) => BrokerError.from(thrown))
  return { done, error }
}

test('rolling change: one more first, then each in its turn, and the one more is removed', async t => {
  t.deepEqual(await rolled([]), { done: ['surge 4', 'replace 1', 'replace 2', 'replace 3', 'retire 4'], error: undefined })
})

test('rolling change: a step that fails is undone with those before it, and the error names it', async t => {
  const { done, error } = await rolled(['replace 2'])
  t.deepEqual(done, ['surge 4', 'replace 1', 'replace 2', 'back 2', 'back 1', 'retire 4'])
  t.is(error!.code, 'agent.change_failed')
  t.regex(error!.message, /"weather" failed at instance 2 \(replace\): .*did not \(replace 2\); all is as it was before/)
})

test('rolling change: the first that fails costs no other anything', async t => {
  const { done } = await rolled(['surge 4'])
  t.deepEqual(done, ['surge 4', 'retire 4'])
})

test('rolling change: when the one more has ended, no other is taken out, and those before are brought back', async t => {
  const { done, error } = await rolled([], so => !so.includes('replace 2'))
  t.deepEqual(done, ['surge 4', 'replace 1', 'replace 2', 'back 2', 'back 1', 'retire 4'])
  t.regex(error!.message, /failed at instance 3 \(replace\): .*any more by instance 4, .*all is as it was before/)
  t.deepEqual((await rolled([], () => false)).done, ['surge 4', 'retire 4'])
})

test('rolling change: while one cannot be brought back, the one more goes on serving, which is said', async t => {
  const { done, error } = await rolled(['replace 3', 'back 3'])
  t.deepEqual(done.slice(-3), ['back 3', 'back 2', 'back 1'])
  t.regex(error!.message, /could not be brought back whole \(instance 3: .*; instance 4, .* still serves: .* agent scale weather 3/)
})

test('rolling change: what cannot be brought back is said, and the rest is brought back all the same', async t => {
  const { done, error } = await rolled(['replace 3', 'back 3'], done => !done.includes('back 1'))
  t.deepEqual(done.slice(-4), ['back 3', 'back 2', 'back 1', 'retire 4'])
  t.regex(error!.message, /could not be brought back whole \(instance 3: .*did not \(back 3\)/)
})
