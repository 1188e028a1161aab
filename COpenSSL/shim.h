// What Toro uses of OpenSSL 3, and what of it is macros, which Swift does not see.
#ifndef TORO_COPENSSL_SHIM_H
#define TORO_COPENSSL_SHIM_H

#include <features.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#if OPENSSL_VERSION_MAJOR < 3
#error "Toro needs OpenSSL 3"
#endif

static inline int toro_tls_set_minimum_version(SSL_CTX *context, int version) {
  return SSL_CTX_set_min_proto_version(context, version);
}

// What every context of Toro's is set to.
static inline void toro_tls_set_up(SSL_CTX *context) {
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_read_ahead(context, 1);
}

// Has a client's context tell of sessions that could be resumed. It keeps none itself.
static inline void toro_tls_tell_sessions(SSL_CTX *context, int (*function)(SSL *ssl, SSL_SESSION *session)) {
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, function);
}

// Gives clients nothing by which they could resume a session.
static inline void toro_tls_disable_tickets(SSL_CTX *context) {
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
}

// Has a connection go on with another context, as if it had been made of it. In the hello's callback: before versions are
// compared and sessions resumed.
static inline void toro_tls_change_context(SSL *ssl, SSL_CTX *context, const unsigned char *label, unsigned int length) {
  SSL_set_SSL_CTX(ssl, context);
  SSL_set_verify(ssl, SSL_CTX_get_verify_mode(context), NULL);
  SSL_set_session_id_context(ssl, label, length);
  SSL_set_min_proto_version(ssl, (int)SSL_CTX_get_min_proto_version(context));
  SSL_set_num_tickets(ssl, SSL_CTX_get_num_tickets(context));
  if (SSL_CTX_get_options(context) & SSL_OP_NO_TICKET)
    SSL_set_options(ssl, SSL_OP_NO_TICKET);
  else
    SSL_clear_options(ssl, SSL_OP_NO_TICKET);
}

static inline int toro_tls_add_chain_certificate(SSL_CTX *context, X509 *certificate) {
  return (int)SSL_CTX_add1_chain_cert(context, certificate);
}

static inline int toro_tls_acknowledge_server_name(SSL *ssl, int *alert, void *argument) {
  (void)alert;
  (void)argument;
  return SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

// Has a server's context call back at each hello, before it is looked at, and say that it has taken note of the name.
static inline void toro_tls_set_hello_callback(SSL_CTX *context, SSL_client_hello_cb_fn callback, void *argument) {
  SSL_CTX_set_client_hello_cb(context, callback, argument);
  SSL_CTX_set_tlsext_servername_callback(context, toro_tls_acknowledge_server_name);
}

static inline int toro_tls_set_server_name(SSL *ssl, const char *name) {
  return (int)SSL_set_tlsext_host_name(ssl, name);
}

static inline int toro_tls_error_reason(unsigned long code) { return ERR_GET_REASON(code); }

static inline int toro_tls_error_is_ssl(unsigned long code) { return ERR_GET_LIB(code) == ERR_LIB_SSL; }

static inline int toro_tls_error_is_no_pem(unsigned long code) {
  return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

static inline void toro_tls_set_flags(BIO *bio, int should_read, int should_write) {
  BIO_clear_retry_flags(bio);
  if (should_read) BIO_set_retry_read(bio);
  if (should_write) BIO_set_retry_write(bio);
}

static inline void toro_tls_print_name(BIO *bio, const X509_NAME *name) {
  X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
}

static inline long toro_tls_memory(BIO *bio, char **start) { return BIO_get_mem_data(bio, start); }

#endif
