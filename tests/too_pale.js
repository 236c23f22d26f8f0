// Text whose contrast is below WCAG's AA: 4.5, or 3 where it is large.
// A background is what lies under the text, layer by layer.
(() => {
  for (const o of document.getAnimations()) o.finish()

  const rgb = css => {
    const numbers = css.match(/[\d.]+/g).map(Number)
    const c = css.startsWith('color') ? numbers.map((x, i) => i < 3 ? 255*x : x) : numbers
    return c.length < 4 ? [...c, 1] : c
  }
  const linear = x => x <= .03928 ? x/12.92 : ((x + .055)/1.055)**2.4
  const light = c => [.2126, .7152, .0722].reduce((sum, w, i) => sum + w*linear(c[i]/255), 0)
  const over = (top, under) => under.map((x, i) => top[3]*top[i] + (1 - top[3])*x)
  const ground = e => {
    const c = rgb(getComputedStyle(e).backgroundColor)
    return over(c, c[3] == 1 || !e.parentElement ? [255, 255, 255] : ground(e.parentElement))
  }
  const aside = 'script, style, noscript, svg, .visually-hidden, [disabled]'
  const seen = e => !e.closest(aside) && e.checkVisibility({opacityProperty: true, visibilityProperty: true})

  const found = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement, text = walk.currentNode.data.trim()
    if (!text || !seen(e)) continue
    const style = getComputedStyle(e), under = ground(e)
    const [dark, bright] = [light(over(rgb(style.color), under)), light(under)].sort((a, b) => a - b)
    const contrast = (bright + .05)/(dark + .05)
    const size = parseFloat(style.fontSize), large = size >= 24 || size >= 18.66 && style.fontWeight >= 700
    if (contrast >= (large ? 3 : 4.5)) continue
    const colours = `${style.color} on ${under.map(Math.round)}`
    found.push(`${contrast.toFixed(1)}: ${text.slice(0, 40)} (${colours}, ${e.tagName}.${e.className})`)
  }
  return [...new Set(found)]
})()
