/* The files of the arena's page, answered by the engine itself. */
#ifndef ARENA_WEB_H
#define ARENA_WEB_H

#include "bellwire.h"

/* Reads the page from the folder, NULL for the usual places, and gives it to
 * the server.  Says on stderr what is missing and returns 0 when it cannot. */
int serve_page(bw_server server, const char *folder);

#endif
