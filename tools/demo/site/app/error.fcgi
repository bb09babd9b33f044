Requests for *.fcgi go to the pool [echo] of fcgiext.ini, whose program never reads this file. It is here for servers that check that a script exists.
