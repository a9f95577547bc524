// How two patterns lie to each other.

/** True when every subject that `pattern` matches is matched by `rule` too; a subject is a pattern that matches itself. */
export function covers(rule: readonly string[], pattern: readonly string[]): boolean {
  for (let i = 0; i < rule.length; i++) {
    if (rule[i] === '>') return pattern.length > i
    if (i >= pattern.length || pattern[i] === '>' || (rule[i] !== '*' && rule[i] !== pattern[i])) return false
  }
  return rule.length === pattern.length
}
