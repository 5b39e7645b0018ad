import bisect
import collections
import copy
import datetime
import decimal
import enum
import fractions
import functools
import heapq
import itertools
import json
import math
import operator
import queue
import random
import re
import statistics
import string
import sys
import threading
import typing

n = int(sys.stdin.readline())
heap = [3, 1, 2]
heapq.heapify(heap)
ordered = [heapq.heappop(heap) for _ in range(n)]
print(n**2, math.factorial(n), ordered, fractions.Fraction(1, n), math.sqrt(4))
