/** Puts the page together: two panes from one template, and the control panel. */
import { ControlPanel } from './control-panel.js';
import { Pane } from './pane.js';

const template = document.querySelector('#pane');
// `?recover=http` shows the other way to recover; without it missed messages come over the socket.
const recover =
  new URLSearchParams(location.search).get('recover') === 'http' ? '/recover' : undefined;

const panes = Array.from(document.querySelectorAll('.pane'), (root) => {
  const { id, dataset } = root;
  root.append(template.content.cloneNode(true));
  for (const part of root.querySelectorAll('[data-name]')) {
    part.textContent = part.textContent.replace('{name}', dataset.name);
  }
  // Ids must differ between the panes; labels follow them.
  for (const part of root.querySelectorAll('[data-id]')) part.id = `${id}-${part.dataset.id}`;
  for (const attribute of ['for', 'aria-labelledby', 'aria-describedby']) {
    for (const part of root.querySelectorAll(`[${attribute}]`)) {
      part.setAttribute(attribute, `${id}-${part.getAttribute(attribute)}`);
    }
  }
  return new Pane(root, { id, name: dataset.name, recover });
});

new ControlPanel(document.querySelector('#faults'), {
  onForget: async () => {
    // A database that cannot be wiped holds positions only, and a pane without its record uses none.
    await Promise.allSettled(panes.map((pane) => pane.forget()));
    location.reload();
  },
});

for (const link of document.querySelectorAll('[data-recover]')) {
  if (link.dataset.recover === (recover === undefined ? '' : 'http')) link.ariaCurrent = 'true';
}
