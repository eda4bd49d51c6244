/** How old a sign-in through the identity provider may be where it confirms that it is the person who asks. */
export const freshMs = 300_000;
