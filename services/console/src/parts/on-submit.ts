/** A form's submit, in place of the browser's own, which the page's CSP forbids. */
export const onSubmit = (act: () => void) => (event: Event) => {
	event.preventDefault();
	act();
};
