"""nginx in front of two gateways, as a private process with deploy/cluster's site."""

import os
import ssl

from processes import is_open, until

CLUSTER = os.path.realpath(os.path.join(os.path.dirname(__file__), "../../deploy/cluster"))
PROGRAM = "/usr/sbin/nginx"


class Nginx:
    def __init__(self, run, gateway_ports):
        self.run = run
        [self.port] = run.ports(1)
        folder = run.make_folder("nginx")
        certificate, key = f"{folder}/fullchain.pem", f"{folder}/privkey.pem"
        run.call([
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1", "-subj",
            "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate,
        ])
        if run.account:
            os.chown(key, run.account.pw_uid, run.account.pw_gid)
        with open(f"{CLUSTER}/nginx.conf") as file:
            site = file.read()
        private = {
            "server gw1:8080": f"server 127.0.0.1:{gateway_ports[0]}", "server gw2:8080": f"server 127.0.0.1:{gateway_ports[1]}",
            "listen 443 ssl http2": f"listen 127.0.0.1:{self.port} ssl http2", "    listen [::]:443 ssl http2;\n": "",
            "/etc/ssl/chorus/fullchain.pem": certificate, "/etc/ssl/chorus/privkey.pem": key,
        }
        for deployed, own in private.items():
            assert deployed in site, deployed
            site = site.replace(deployed, own)
        run.write(f"{folder}/site.conf", site)
        paths = "".join(
            f"{name}_temp_path {folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        self.configuration = run.write(
            f"{folder}/nginx.conf",
            f"daemon off;\npid {folder}/nginx.pid;\nerror_log {folder}/error.log warn;\nworker_processes 2;\n"
            f"events {{ worker_connections 8192; }}\n"
            f"http {{ access_log {folder}/access.log;\n{paths}include {folder}/site.conf; }}\n")
        self.context = ssl.create_default_context(cafile=certificate)
        self.folder = folder

    @property
    def door(self):
        return self.port, self.context

    def start(self):
        command = [PROGRAM, "-p", self.folder, "-e", f"{self.folder}/error.log", "-c", self.configuration]
        self.run.call(command + ["-t"], as_server=True)
        self.process = self.run.start("nginx", command, as_server=True)
        until("nginx listens", 10, lambda: is_open(self.port))
