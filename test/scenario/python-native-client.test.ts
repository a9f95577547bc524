import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startBroker } from '../support/broker.ts'
import { pythonTest } from '../support/python.ts'

const script = join(import.meta.dirname, '../support/native_client.py')

pythonTest('protocol page: a client of native frames can be written from it in another language', async t => {
  const broker = await startBroker(t)
  const oracle = await broker.connect({ clientId: 'oracle-1' })
  const questions = oracle.subscribe<string>('oracle', {
    async onMessage(message) {
      t.is((await oracle.request('snake.asks', 'abc')).value, 'cba')
      await oracle.publish('work', 'dig', { headers: { depth: 3 }, receipt: true })
      await message.respond(`${message.value}, it was ${message.origin}`)
    },
  })
  await questions.ready
  const { stdout } = await promisify(execFile)('python3', [script, broker.socket, broker.token])
  const seen = JSON.parse(stdout) as { welcome: { origin: number } }
  t.like(seen, {
    welcome: { protocol: 1, client: 'snake-1', principal: 'owner', signature: false },
    ok: { subscription: 7 },
    message: ['snake.says', 'ßss', seen.welcome.origin, true, true],
    receipt: { receivers: 1 },
    refusal: 'channel.direction',
    nobody: 'request.no_responders',
    work: ['dig', true, { depth: 3 }],
    answer: `ready, it was ${seen.welcome.origin}`,
    end: 0,
  })
})
