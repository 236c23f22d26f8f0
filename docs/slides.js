const slides = [...document.querySelectorAll('.slide')], at = document.querySelector('nav output');
let now = 0;
function go(i) {
  now = Math.max(0, Math.min(slides.length - 1, i));
  slides.forEach((s, k) => s.classList.toggle('now', k == now));
  at.textContent = (now + 1) + ' / ' + slides.length;
  history.replaceState(null, '', '#' + (now + 1));
  slides[now].scrollTop = 0;
}
const step = {ArrowRight: 1, ArrowDown: 1, PageDown: 1, ' ': 1, ArrowLeft: -1, ArrowUp: -1, PageUp: -1};
addEventListener('keydown', e => {
  if (e.target.matches?.('input, button') && e.key != 'PageDown' && e.key != 'PageUp') return;
  if (e.ctrlKey || e.metaKey || e.altKey) return;
  if (e.key in step) { e.preventDefault(); go(now + (e.key == ' ' && e.shiftKey ? -1 : step[e.key])); }
  if (e.key == 'Home') go(0);
  if (e.key == 'End') go(slides.length - 1);
  if (e.key == 'f') document.documentElement.requestFullscreen?.();
});
let from = null;
addEventListener('touchstart', e => { from = e.target.closest('input, pre, .wide') ? null : e.touches[0]; });
addEventListener('touchend', e => {
  if (!from) return;
  const dx = e.changedTouches[0].clientX - from.clientX, dy = e.changedTouches[0].clientY - from.clientY;
  if (Math.abs(dx) > 50 && Math.abs(dx) > 2*Math.abs(dy)) go(now + (dx < 0 ? 1 : -1));
});
addEventListener('hashchange', () => go(+location.hash.slice(1) - 1 || 0));
document.querySelector('#back').onclick = () => go(now - 1);
document.querySelector('#on').onclick = () => go(now + 1);
go(+location.hash.slice(1) - 1 || 0);
