// Pours prepared bytes into sockets as fast as the other end takes them, in a thread of its own, until it is told to stop. A
// socket that is ended comes back.

/* oxlint-disable unicorn/require-post-message-target-origin -- threads have no origin */
import { connect } from 'node:net'
import { parentPort, Worker, workerData } from 'node:worker_threads'

interface StormData {
  readonly port: number
  /** Sent once by each socket. */
  readonly first: Uint8Array
  /** Then sent again and again; nothing: the socket is closed, and another one comes. */
  readonly again: Uint8Array
  readonly sockets: number
  /** false: nothing that comes is read. */
  readonly reads: boolean
}

/** What a storm has done so far. */
interface StormCount {
  readonly bytes: number
  readonly connects: number
}

interface Storm {
  stop(): Promise<StormCount>
}

/** Begins a storm; resolves when every socket has sent something. */
export async function startStorm(data: StormData): Promise<Storm> {
  const worker = new Worker(new URL(import.meta.url), { workerData: { storm: data } })
  const next = (): Promise<unknown> =>
    new Promise((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
    })
  await next()
  return {
    async stop() {
      const counted = next()
      worker.postMessage('stop')
      const count = await counted
      await worker.terminate()
      return count as StormCount
    },
  }
}

// Tests may run in threads themselves: only the one that was started here pours.
const { storm } = (workerData ?? {}) as { storm?: StormData }
if (storm !== undefined) pour(storm)

function pour({ port, first, again, sockets, reads }: StormData): void {
  let bytes = 0
  let connects = 0
  const begin = (begun: () => void): void => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    connects++
    socket.on('error', () => {})
    socket.once('close', () => setImmediate(begin, () => {}))
    if (reads) socket.resume()
    const round = (): void => {
      begun()
      if (again.length === 0) socket.once('data', () => socket.destroy())
      else if (!socket.destroyed) {
        socket.write(again, error => {
          if (error) return
          bytes += again.length
          setImmediate(round)
        })
      }
    }
    socket.write(first, round)
  }
  const all = Array.from({ length: sockets }, () => new Promise<void>(begin))
  void Promise.all(all).then(() => parentPort!.postMessage('begun'))
  parentPort!.on('message', () => parentPort!.postMessage({ bytes, connects } satisfies StormCount))
}
