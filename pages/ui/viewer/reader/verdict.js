// Conditions for signing 'accepted'; the server checks them again (osteo_core/review/accepting.py).
const sameApartFromCauses = (a, b) => ['left_out', 'grades', 'phase', 'is_count_wrong'].every((name) => JSON.stringify(a[name]) === JSON.stringify(b[name]))

// The differences from the program's result, in words; none if it, or a read that an adjudicator chose, is unchanged.
export const corrected = (data, decisions) => {
  const isChosen = data.acceptable.some((read) => read.version === data.version && sameApartFromCauses(read.decisions, decisions))
  if (isChosen) return []
  const found = data.version === data.model_version ? [] : ['the outlines are corrected']
  found.push(...Object.keys(decisions.left_out).map((n) => `${data.names[n]} is left out`))
  for (const [n, grade] of Object.entries(decisions.grades)) if (grade !== data.model_summary.levels[n]?.grade) found.push(`the grade of ${data.names[n]} is another one`)
  if (decisions.phase && decisions.phase !== data.phase) found.push('the contrast phase is another one')
  if (decisions.is_count_wrong) found.push('the levels were counted from a wrong landmark')
  return found
}
