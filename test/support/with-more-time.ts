// Stories in which something must come before a time is over: on a machine under load that is a matter of luck, so they are tried again.

const TRIES = 4
const FACTOR = 4

/**
 * Tells a story with a time, and again with four times as much while it says that something came too late to judge. False when
 * it did so with 64 times as much, too: then it is not the machine that is slow.
 */
export async function withMoreTime(firstMs: number, tell: (ms: number) => Promise<boolean>): Promise<boolean> {
  for (let tries = 0; tries < TRIES; tries++) if (await tell(firstMs * FACTOR ** tries)) return true
  return false
}

/** The same for a time that holds for the handshakes of bystanders, too: on a busy machine they may not be in by then. False as above. */
export function withHandshakeTime(firstMs: number, tell: (ms: number) => Promise<void>): Promise<boolean> {
  return withMoreTime(firstMs, ms => tell(ms).then(() => true, (error: unknown) => {
    if (!/handshake\.timeout|the server closed/.test(String(error))) throw error
    return false
  }))
}
