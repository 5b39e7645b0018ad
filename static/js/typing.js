/** Whether a key pressed here is text, or a choice of the field's own. A box or a button that was clicked takes no text. */
export const typing = (target) => target.closest("input:not([type=checkbox], [type=radio], [type=range]), textarea, select, [contenteditable]") !== null;
