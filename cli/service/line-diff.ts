// What differs between two texts, line by line: `-` was there, `+` would be. For texts of a hundred lines or so.

/** Empty when they are equal; lines that stay are left out but for the one before a change. */
export function lineDiff(before: string, after: string): string[] {
  const [old, young] = [before.split('\n'), after.split('\n')]
  // longest[i][j]: how many lines the rests from i and j have in common.
  const longest = Array.from({ length: old.length + 1 }, () => new Array<number>(young.length + 1).fill(0))
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = young.length - 1; j >= 0; j--) longest[i]![j] = old[i] === young[j] ? longest[i + 1]![j + 1]! + 1 : Math.max(longest[i + 1]![j]!, longest[i]![j + 1]!)
  }
  const found: string[] = []
  let same: string | undefined
  const change = (line: string): void => {
    if (same !== undefined) found.push(`  ${same}`)
    same = undefined
    found.push(line)
  }
  let [i, j] = [0, 0]
  while (i < old.length || j < young.length) {
    if (i < old.length && j < young.length && old[i] === young[j]) {
      same = old[i]
      i++
      j++
    } else if (j < young.length && (i === old.length || longest[i]![j + 1]! > longest[i + 1]![j]!)) change(`+ ${young[j++]}`)
    else change(`- ${old[i++]}`)
  }
  return found
}
