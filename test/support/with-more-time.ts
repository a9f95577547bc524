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
