"""Real servers for the demo and the tests: started on free ports with their own folders, killed and restarted at will."""

from doxa_lab.servers.amqtt import Amqtt
from doxa_lab.servers.influxdb import InfluxDB16
from doxa_lab.servers.influxdb2 import InfluxDB2Double
from doxa_lab.servers.mosquitto import Mosquitto
from doxa_lab.servers.nginx import Nginx
from doxa_lab.servers.server import Server, find_program
from doxa_lab.servers.victoriametrics import VictoriaMetrics

__all__ = ["Amqtt", "InfluxDB2Double", "InfluxDB16", "Mosquitto", "Nginx", "Server", "VictoriaMetrics", "find_program"]
