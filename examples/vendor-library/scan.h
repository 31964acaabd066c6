/* A vendor's library: what its manual promises. */

/* Looks for a word in a text by several threads; how often it is there, or -1 and errno. */
int scan_start(const char *text, const char *word);

/* Fetches new signatures: 0, or -1 and errno. */
int scan_update(void);

/* Has a program print what was found: 0, or -1 and errno. */
int scan_report(int found);
