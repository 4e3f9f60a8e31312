// Regions and surfaces of a series opened for the first time are still being computed: the server answers 202.
const refusal = async (answer) => new Error((await answer.text()) || `the server answered ${answer.status}`)

export const fetchSoon = async (url, seconds = 0) => {
  const until = performance.now() + 1000 * seconds
  for (;;) {
    const answer = await fetch(url)
    if (!answer.ok) throw await refusal(answer)
    if (answer.status !== 202) return answer
    if (performance.now() > until) throw new Error('it is still being made; try again in a minute')
    await new Promise((done) => setTimeout(done, 500))
  }
}
