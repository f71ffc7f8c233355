// Names and versions come out of images that anybody may have built: they only ever become text.

const releases = document.querySelector('#releases')
const refused = document.querySelector('#refused')
const state = document.querySelector('#state')

const AGAIN_MS = 2000

function element(tag, className, text) {
  const made = document.createElement(tag)
  made.className = className
  made.textContent = text
  return made
}

function size(bytes) {
  return bytes < 1024 * 1024 ? `${Math.round(bytes / 1024)} KiB` : `${(bytes / 1024 / 1024).toFixed(1)} MiB`
}

function releaseCard({ name, url, version, chip, size: bytes, sha256, publishedAt, warnings }) {
  const card = document.createElement('li')
  const facts = [version, chip, size(bytes), `sha256 ${sha256.slice(0, 8)}`, new Date(publishedAt).toLocaleString()]
  card.append(element('span', 'name', name), element('div', 'facts', facts.filter(Boolean).join('  ·  ')))
  const link = element('a', 'url', url)
  link.href = url
  card.append(link, ...warnings.map(warning => element('div', 'facts', warning)))
  return card
}

function refusedCard({ name, current, rejection }) {
  const card = document.createElement('li')
  card.append(element('span', 'name', name), element('div', 'facts', rejection.sentence))
  if (rejection.device) card.append(element('span', 'device', `a device would say: ${rejection.device}`))
  card.append(
    element(
      'div',
      'facts',
      current ? `still serving ${current.version} (${current.sha256.slice(0, 8)})` : 'nothing is served under this name'
    )
  )
  return card
}

let shown = ''

async function refresh() {
  try {
    const text = await (await fetch('manifest.json', { cache: 'no-store' })).text()
    if (text !== shown) {
      shown = text
      const all = JSON.parse(text).releases
      const served = all.filter(entry => entry.current)
      const bad = all.filter(entry => entry.rejection)
      releases.replaceChildren(...served.map(entry => releaseCard(entry.current)))
      refused.replaceChildren(...bad.map(refusedCard))
      document.querySelector('#refused-section').hidden = bad.length === 0
      state.textContent =
        served.length === 0 ? 'Nothing yet: build, or drop an ESP32 image (.bin) into the watched folder.' : ''
    }
  } catch {
    shown = ''
    state.textContent = 'otad does not answer. Is it still running?'
  }
  setTimeout(refresh, AGAIN_MS)
}

refresh()
