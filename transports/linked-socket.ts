// What every link over a socket of Node does with it: its events find the link, and what is written goes out in one call.

import type { Socket } from 'node:net'

const NOTHING = Buffer.alloc(0)
const LINK = Symbol('link')

/** The socket knows its link: a lookup table costs more on every chunk. */
interface LinkedSocket extends Socket {
  [LINK]?: SocketLink
}

/** What a link is told of its socket. */
export interface SocketLink {
  arrived(chunk: Buffer): void
  /** The other end says nothing more. */
  peerEnded(): void
  /** The socket broke; its close follows. */
  brokeOff(problem: Error): void
  closed(): void
  /** What the kernel had not taken at once is out. */
  written(): void
}

/** From now on `link` is told; only the first call for a socket counts. False when it was told already. */
export function listenTo(socket: Socket, link: SocketLink): boolean {
  const linked: LinkedSocket = socket
  if (linked[LINK] !== undefined) return false
  linked[LINK] = link
  // Shared functions instead of closures: at ten thousand connections they are 2 KiB each.
  socket.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose)
  return true
}

/** What comes on the socket from now on is somebody else's, its close is still told. */
export function stopReading(socket: Socket): void {
  socket.pause()
  socket.off('data', onData).off('end', onEnd)
}

/** Nothing of the socket is told any more. An error stays without effect: whoever has it now hears of it too. */
export function stopListening(socket: Socket): void {
  stopReading(socket)
  socket.off('close', onClose)
}

/** Writes the pieces in one system call; false when the kernel did not take all of them, and `link.written()` follows. */
export function writePieces(socket: Socket, pieces: readonly Uint8Array[], link: SocketLink): boolean {
  if (pieces.length === 1) socket.write(pieces[0]!)
  else {
    socket.cork()
    for (const piece of pieces) socket.write(piece)
    socket.uncork()
  }
  // Node tries the write at once; what is left here, the kernel did not take.
  if (socket.writableLength === 0) return true
  // An empty write is done when all before it is. A callback on every write would cost each of them a tick.
  socket.write(NOTHING, (error) => {
    if (!error) link.written()
  })
  return false
}

function onData(this: LinkedSocket, chunk: Buffer): void {
  this[LINK]!.arrived(chunk)
}

function onEnd(this: LinkedSocket): void {
  this[LINK]!.peerEnded()
}

function onError(this: LinkedSocket, problem: Error): void {
  this[LINK]!.brokeOff(problem)
}

function onClose(this: LinkedSocket): void {
  this[LINK]!.closed()
}
