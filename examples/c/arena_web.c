/* Reads the files of the page once and passes them to the engine. */
#define _POSIX_C_SOURCE 200809L
#include "arena_web.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_SIZE = 4096 };

static const struct {
  const char *path, *file, *type;
} files[] = {{"/", "index.html", "text/html; charset=utf-8"},
             {"/arena.css", "arena.css", "text/css; charset=utf-8"},
             {"/arena.js", "arena.js", "text/javascript; charset=utf-8"},
             {"/world.js", "world.js", "text/javascript; charset=utf-8"},
             {"/draw.js", "draw.js", "text/javascript; charset=utf-8"},
             {"/panels.js", "panels.js", "text/javascript; charset=utf-8"},
             {"/socket.io.min.js", "node_modules/socket.io-client/dist/socket.io.min.js",
              "text/javascript; charset=utf-8"}};

/* The folder examples/arena, relative to the working directory or, if it is not
 * there, relative to the program in build/examples. */
static void usual_folder(char out[PATH_SIZE]) {
  static const char beside[] = "examples/arena", above[] = "/../../examples/arena";
  ssize_t len;
  char *slash;
  strcpy(out, beside);
  if (access(out, R_OK) == 0) return;
  len = readlink("/proc/self/exe", out, PATH_SIZE - sizeof above);
  if (len <= 0) return;
  out[len] = '\0';
  slash = strrchr(out, '/');
  if (slash) strcpy(slash, above);
}

static char *read_file(const char *path, size_t *len) {
  FILE *file = fopen(path, "rb");
  char *data = NULL;
  long size;
  if (!file) return NULL;
  if (fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) >= 0 && (data = malloc((size_t)size + 1))) {
    rewind(file);
    *len = fread(data, 1, (size_t)size, file);
  }
  fclose(file);
  return data;
}

int serve_page(bw_server server, const char *folder) {
  char usual[PATH_SIZE], path[2 * PATH_SIZE];
  size_t i;
  if (!folder) {
    usual_folder(usual);
    folder = usual;
  }
  for (i = 0; i < sizeof files / sizeof *files; i++) {
    bw_bytes body = {NULL, 0};
    bw_status status;
    char *data;
    snprintf(path, sizeof path, "%s/%s", folder, files[i].file);
    if (!(data = read_file(path, &body.len))) {
      fprintf(stderr, "arena: cannot read %s; use --web to name the folder of the page\n", path);
      if (strncmp(files[i].file, "node_modules", 12) == 0)
        fprintf(stderr, "arena: this file comes from npm: run `npm ci` in %s\n", folder);
      return 0;
    }
    body.data = (const uint8_t *)data;
    status = bw_server_serve(server, bw_cstr(files[i].path), bw_cstr(files[i].type), body);
    free(data); /* the engine has copied it */
    if (status != BW_OK) {
      fprintf(stderr, "arena: %s: %s\n", files[i].path, bw_last_error());
      return 0;
    }
  }
  return 1;
}
