# Takes the place of the official image rabbitmq where that cannot be pulled: Debian's RabbitMQ, with the paths, the
# commands and the settings of that image which docker-compose.yml relies on.

FROM debian:trixie-slim
# Debian's commands in /usr/sbin are wrappers that write the broker's output into a file.
ENV HOME=/var/lib/rabbitmq LANG=C.UTF-8 PATH=/usr/lib/rabbitmq/bin:$PATH RABBITMQ_LOGS=-
RUN printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d \
    && chmod 755 /usr/sbin/policy-rc.d \
    && apt-get update \
    && apt-get install --yes --no-install-recommends rabbitmq-server \
    && rm -rf /var/lib/apt/lists/* /usr/sbin/policy-rc.d /var/lib/rabbitmq/.erlang.cookie \
    && mkdir -p /etc/rabbitmq/conf.d \
    && printf 'loopback_users.guest = false\nlog.console = true\n' > /etc/rabbitmq/conf.d/10-defaults.conf \
    && /usr/sbin/rabbitmq-plugins enable --offline rabbitmq_management \
    && chown -R rabbitmq: /etc/rabbitmq /var/lib/rabbitmq
USER rabbitmq
VOLUME /var/lib/rabbitmq
EXPOSE 5672 15672
CMD ["rabbitmq-server"]
