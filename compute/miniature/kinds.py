"""The kinds of task, as data: what is asked, the program that is simple and slow, the program that is fast.

Programs are templates that `compute.miniature.rendering` completes:
    «e»           the printed expression, to which the last step is applied
    when:         opens a block that holds only for values that pass the filter; without a filter it is dissolved
    otherwise:    the block for the other values; without a filter it is dropped
    {m}           a parameter of the problem
Indentation is one space, because a model of this size pays for every token. Both programs of a kind print the same
for every input; a test compares them.
"""

from dataclasses import dataclass
from typing import Literal

Reads = Literal["n", "n k", "n q"]
FilterMode = Literal["drop", "guard", "zero", "none"]
KRule = Literal["", "count", "value", "pair sum", "pair difference", "window sum", "long window sum"]


@dataclass(frozen=True)
class Kind:
    """`filter_mode` says what a filter does: "drop" the other values from the array, "guard" the lines that use them,
    set them to "zero", or "none" when the kind takes no filter.

    `step_ns` is the CPU time of one inner step of the slow program (calibrated by `measure_step_ns` in
    `compute.miniature.sizes`); 0 when it has no slow program. `falling` asks for large inputs with a falling tail,
    without which the slow program would stop early. `tricky`: the fast program is hard to get right (see corpus).
    """

    name: str
    title: str
    difficulty: Literal["easy", "medium", "hard"]
    reads: Reads
    sentence: str
    slow: str
    fast: str = ""
    step_ns: float = 0.0
    filter_mode: FilterMode = "drop"
    k_rule: KRule = ""
    falling: bool = False
    tricky: bool = False


def _pairs(condition: str) -> str:
    return f"""\
s=0
for i in range(n):
 for j in range(i):
  if {condition}:
   s+=1
print(«s»)"""


def _subarrays(step: str) -> str:
    return f"""\
s=0
for i in range(n):
 t=0
 for j in range(i,n):
  t+=a[j]
{step}
print(«s»)"""


def _queries(body: str) -> str:
    return f"""\
for i in range(q):
 l,r=map(int,input().split())
{body}"""


def _range_fold(step: str) -> str:
    return _queries(f"""\
 s=0
 for x in a[l-1:r]:
  when:
   {step}
 print(«s»)""")


def _prefix_table(entry: str, answer: str) -> str:
    table = f"""\
p=[0]
for x in a:
 when:
  p.append({entry})
 otherwise:
  p.append(p[-1])
"""
    return table + _queries(f" print(«{answer}»)")


EASY = (
    Kind("sum", "Sum", "easy", "n", "Print the sum.", "print(«sum(a)»)"),
    Kind("maximum", "Largest value", "easy", "n", "Print the largest value or 0.", "print(«max(a+[0])»)"),
    Kind("distinct", "Distinct values", "easy", "n", "Print the number of distinct values.", "print(«len(set(a))»)"),
    Kind("squares", "Sum of squares", "easy", "n", "Print the sum of squares.", "print(«sum(x*x for x in a)»)"),
    Kind(
        "top-k",
        "Sum of the k largest",
        "easy",
        "n k",
        "Print the sum of the k largest values.",
        "a.sort()\na.reverse()\nprint(«sum(a[:k])»)",
        k_rule="count",
    ),
    Kind(
        "below-k",
        "Values below k",
        "easy",
        "n k",
        "Print how many values are below k.",
        "print(«sum(1 for x in a if x<k)»)",
        k_rule="value",
    ),
)

MEDIUM = (
    Kind(
        "range-sum",
        "Range sums",
        "medium",
        "n q",
        "For each query l r print the sum of the range.",
        _range_fold("s+=x"),
        _prefix_table("p[-1]+x", "p[r]-p[l-1]"),
        filter_mode="guard",
        step_ns=52,
    ),
    Kind(
        "range-count",
        "Range counts",
        "medium",
        "n q",
        "For each query l r print the count of values in the range.",
        _range_fold("s+=1"),
        _prefix_table("p[-1]+1", "p[r]-p[l-1]"),
        filter_mode="guard",
        step_ns=48,
    ),
    Kind(
        "range-xor",
        "Range xors",
        "medium",
        "n q",
        "For each query l r print the xor of the range.",
        _range_fold("s^=x"),
        _prefix_table("p[-1]^x", "p[r]^p[l-1]"),
        filter_mode="guard",
        step_ns=48,
    ),
    Kind(
        "prefix-sum",
        "Prefix sums",
        "medium",
        "n",
        "For each position print the sum of all values up to it.",
        "for i in range(n):\n print(«sum(a[:i+1])»)",
        "s=0\nfor x in a:\n s+=x\n print(«s»)",
        step_ns=5.6,
    ),
    Kind(
        "equal-before",
        "Equal values before",
        "medium",
        "n",
        "For each position print how many earlier values are equal.",
        """\
for i in range(n):
 s=0
 for j in range(i):
  if a[j]==a[i]:
   s+=1
 print(«s»)""",
        "d={}\nfor x in a:\n print(«d.get(x,0)»)\n d[x]=d.get(x,0)+1",
        step_ns=47,
    ),
    Kind(
        "prefix-maximum",
        "Prefix maxima",
        "medium",
        "n",
        "For each position print the largest value up to it.",
        "for i in range(n):\n print(«max(a[:i+1])»)",
        "s=0\nfor x in a:\n s=max(s,x)\n print(«s»)",
        step_ns=9,
    ),
    Kind(
        "suffix-sum",
        "Sums after",
        "medium",
        "n",
        "For each position print the sum of all values after it.",
        "for i in range(n):\n print(«sum(a[i+1:])»)",
        "s=sum(a)\nfor x in a:\n s-=x\n print(«s»)",
        step_ns=5.6,
    ),
)

HARD_PAIRS = (
    Kind(
        "pairs-sum-equal",
        "Pairs with sum k",
        "hard",
        "n k",
        "Count pairs with sum equal to k.",
        _pairs("a[i]+a[j]==k"),
        """\
s=0
d={}
for x in a:
 s+=d.get(k-x,0)
 d[x]=d.get(x,0)+1
print(«s»)""",
        k_rule="pair sum",
        step_ns=60,
    ),
    Kind(
        "pairs-difference-equal",
        "Pairs with difference k",
        "hard",
        "n k",
        "Count pairs with difference equal to k.",
        _pairs("abs(a[i]-a[j])==k"),
        """\
s=0
d={}
for x in a:
 s+=d.get(x-k,0)
 if k>0:
  s+=d.get(x+k,0)
 d[x]=d.get(x,0)+1
print(«s»)""",
        k_rule="pair difference",
        tricky=True,
        step_ns=90,
    ),
    Kind(
        "pairs-sum-at-most",
        "Pairs with sum at most k",
        "hard",
        "n k",
        "Count pairs with sum at most k.",
        _pairs("a[i]+a[j]<=k"),
        """\
a.sort()
s=0
j=n-1
for i in range(n):
 while j>=0 and a[i]+a[j]>k:
  j-=1
 s+=j+1
 if j>=i:
  s-=1
print(«s//2»)""",
        k_rule="pair sum",
        tricky=True,
        step_ns=75,
    ),
    Kind(
        "pairs-difference-at-most",
        "Pairs with difference at most k",
        "hard",
        "n k",
        "Count pairs with difference at most k.",
        _pairs("abs(a[i]-a[j])<=k"),
        """\
a.sort()
s=0
j=0
for i in range(n):
 while a[i]-a[j]>k:
  j+=1
 s+=i-j
print(«s»)""",
        k_rule="pair difference",
        step_ns=100,
    ),
    Kind(
        "pairs-sum-divisible",
        "Pairs with a divisible sum",
        "hard",
        "n",
        "Count pairs with sum divisible by {m}.",
        _pairs("(a[i]+a[j])%{m}==0"),
        """\
s=0
c=[0]*{m}
for x in a:
 s+=c[-x%{m}]
 c[x%{m}]+=1
print(«s»)""",
        step_ns=72,
    ),
    Kind(
        "inversions",
        "Inversions",
        "hard",
        "n",
        "Count pairs where the earlier value is larger.",
        _pairs("a[j]>a[i]"),
        """\
from bisect import *
s=0
b=[]
for x in a:
 s+=len(b)-bisect_right(b,x)
 insort(b,x)
print(«s»)""",
        tricky=True,
        step_ns=65,
    ),
    Kind(
        "pairs-total-difference",
        "Total difference of pairs",
        "hard",
        "n",
        "Print the sum of differences over all pairs.",
        """\
s=0
for i in range(n):
 for j in range(i):
  s+=abs(a[i]-a[j])
print(«s»)""",
        """\
a.sort()
s=0
t=0
for i in range(n):
 s+=i*a[i]-t
 t+=a[i]
print(«s»)""",
        step_ns=106,
    ),
    Kind(
        "pairs-total-larger",
        "Total of the larger value of pairs",
        "hard",
        "n",
        "Print the sum of the larger value over all pairs.",
        """\
s=0
for i in range(n):
 for j in range(i):
  s+=max(a[i],a[j])
print(«s»)""",
        """\
a.sort()
s=0
for i in range(n):
 s+=i*a[i]
print(«s»)""",
        step_ns=157,
    ),
)

HARD_SUBARRAYS = (
    Kind(
        "subarrays-sum-equal",
        "Subarrays with sum k",
        "hard",
        "n k",
        "Count subarrays with sum equal to k.",
        _subarrays("  if t==k:\n   s+=1"),
        """\
s=0
t=0
d={0:1}
for x in a:
 t+=x
 s+=d.get(t-k,0)
 d[t]=d.get(t,0)+1
print(«s»)""",
        k_rule="window sum",
        step_ns=85,
    ),
    Kind(
        "subarrays-sum-divisible",
        "Subarrays with a divisible sum",
        "hard",
        "n",
        "Count subarrays with sum divisible by {m}.",
        _subarrays("  if t%{m}==0:\n   s+=1"),
        """\
s=0
t=0
c=[1]+[0]*{m}
for x in a:
 t=(t+x)%{m}
 s+=c[t]
 c[t]+=1
print(«s»)""",
        tricky=True,
        step_ns=93,
    ),
    Kind(
        "subarrays-sum-at-most",
        "Subarrays with sum at most k",
        "hard",
        "n k",
        "Count subarrays with sum at most k.",
        _subarrays("  if t<=k:\n   s+=1"),
        """\
s=0
t=0
j=0
for i in range(n):
 t+=a[i]
 while t>k:
  t-=a[j]
  j+=1
 s+=i-j+1
print(«s»)""",
        k_rule="long window sum",
        tricky=True,
        step_ns=94,
    ),
    Kind(
        "longest-sum-at-most",
        "Longest subarray with sum at most k",
        "hard",
        "n k",
        "Print the longest subarray with sum at most k.",
        _subarrays("  if t<=k:\n   s=max(s,j-i+1)"),
        """\
s=0
t=0
j=0
for i in range(n):
 t+=a[i]
 while t>k:
  t-=a[j]
  j+=1
 s=max(s,i-j+1)
print(«s»)""",
        k_rule="long window sum",
        step_ns=105,
    ),
    Kind(
        "subarrays-total",
        "Total of subarray sums",
        "hard",
        "n",
        "Print the total sum over all subarrays.",
        _subarrays("  s+=t"),
        """\
s=0
for i in range(n):
 s+=a[i]*(i+1)*(n-i)
print(«s»)""",
        step_ns=100,
    ),
    Kind(
        "subarrays-total-maximum",
        "Total of subarray maxima",
        "hard",
        "n",
        "Print the sum of the largest value over all subarrays.",
        """\
s=0
for i in range(n):
 t=0
 for j in range(i,n):
  t=max(t,a[j])
  s+=t
print(«s»)""",
        """\
s=0
t=0
b=[]
for i in range(n):
 c=1
 while b and b[-1][0]<=a[i]:
  x,y=b.pop()
  t-=x*y
  c+=y
 b.append((a[i],c))
 t+=a[i]*c
 s+=t
print(«s»)""",
        tricky=True,
        step_ns=182,
    ),
)

HARD_POSITIONS = (
    Kind(
        "next-larger",
        "Next larger value",
        "hard",
        "n",
        "For each position print the next larger value or 0.",
        """\
for i in range(n):
 s=0
 for j in range(i+1,n):
  if a[j]>a[i]:
   s=a[j]
   break
 print(«s»)""",
        """\
r=[0]*n
b=[]
for i in range(n):
 while b and a[b[-1]]<a[i]:
  r[b.pop()]=a[i]
 b.append(i)
for x in r:
 print(«x»)""",
        falling=True,
        step_ns=41,
    ),
    Kind(
        "smaller-before",
        "Smaller values before",
        "hard",
        "n",
        "For each position print how many earlier values are smaller.",
        """\
for i in range(n):
 s=0
 for j in range(i):
  if a[j]<a[i]:
   s+=1
 print(«s»)""",
        """\
from bisect import *
b=[]
for x in a:
 print(«bisect_left(b,x)»)
 insort(b,x)""",
        tricky=True,
        step_ns=60,
    ),
    Kind(
        "range-maximum",
        "Range maxima",
        "hard",
        "n q",
        "For each query l r print the largest value of the range or 0.",
        _queries("""\
 s=0
 for x in a[l-1:r]:
  s=max(s,x)
 print(«s»)"""),
        """\
t=[a]
j=1
while 2*j<=n:
 s=t[-1]
 t.append([max(s[i],s[i+j]) for i in range(n-2*j+1)])
 j*=2
"""
        + _queries("""\
 k=(r-l+1).bit_length()-1
 print(«max(t[k][l-1],t[k][r-2**k])»)"""),
        filter_mode="zero",
        tricky=True,
        step_ns=121,
    ),
    Kind(
        "range-changes",
        "Changes in a range",
        "hard",
        "n q",
        "For each query l r print how many adjacent pairs in the range differ.",
        _queries("""\
 s=0
 for j in range(l,r):
  if a[j]!=a[j-1]:
   s+=1
 print(«s»)"""),
        """\
p=[0]*(n+1)
for i in range(1,n):
 p[i+1]=p[i]
 if a[i]!=a[i-1]:
  p[i+1]+=1
"""
        + _queries(" print(«p[r]-p[l]»)"),
        filter_mode="none",
        step_ns=78,
    ),
)

KINDS = {kind.name: kind for kind in EASY + MEDIUM + HARD_PAIRS + HARD_SUBARRAYS + HARD_POSITIONS}

# Seen in supervised training but never in reinforcement learning: the held-out set asks these (and easy kinds), so that
# what is measured is what the policy has become and not which answers it was rewarded for.
HELD_OUT_KINDS = frozenset(
    {
        "range-count",
        "suffix-sum",
        "prefix-maximum",
        "pairs-difference-equal",
        "pairs-difference-at-most",
        "pairs-total-larger",
        "subarrays-sum-divisible",
        "longest-sum-at-most",
        "subarrays-total-maximum",
        "smaller-before",
        "range-maximum",
    }
)
