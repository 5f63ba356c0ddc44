"""Which words does packed JSON share? A preset dictionary (RFC 1950, FDICT) for what each window leaves.

A verdict's facts are four kilobytes of which most are names and values that stand in every one; compressed by
themselves each has to bring the names again. What is likeliest stands last, where distances are short. A
dictionary that rows were written with is never changed: a better one is a new number beside it.
"""

from typing import Final

FIRST: Final = (
    b'"r:,,false],["__joint__","__behaviour__","__estimated__","__performance__","__shadow__","confidence",'
    b'"slices":{"accuracy":"f1":"roc_auc":"log_loss":"brier":"mae":"rmse":"bias":"calibration":"confusion":'
    b'"labels":["below 0. to "," to 1"," to -","= 0","above 1","missing"],"rest","unseen","missing"],'
    b'"reference":[0.0,0.1"],"window":[0.0,0.0,0.0]}'
    b'[["c1",0.0,500,1.0,false],["c2",-0.0,500,1.0,false],["c3",0.0,500,1.0,false],["out_of_range",0.0,500,0.0,'
    b'true],["stuck",0.00,500,0.00,true],["missing",0.0,500,0.0,true],["level:","unseen",0.0,"rest",0.0'
    b'{"kind":"categorical","rows":["labels":{"new":[],"gone":[],"grown":[],"shrunk":[],"share":[0.0,0.0],'
    b'"unseen_examples":[],"renamed":[],"distinct":[0,0],"top":['
    b'{"kind":"numeric","rows":[24000,500],"values":[24000,500],"missing_share":[0.0,0.0],"quantiles":{"levels":'
    b'[0.05,0.25,0.5,0.75,0.95],"reference":[-1.,"window":[-1.]},"mean":[0.0,-0.0],"sd":[1.0,1.0],"minimum":[-'
    b'4.0,"maximum":[4.0,"constant":null,"stuck":{"value":-0.0,"share":[0.0000,0.00],"excess":0.00},"unit":{"a":'
    b'-0.0,"b":0.9,"residual":0.0,"scale":0.9,"scale_residual":0.0},"edges":[-7.0,7.0],"below_edge":0,'
    b'"above_edge":0,"infinite":[0,0],"ends":{"low":{"value":-2.0,"share":[0.0001,0.002],"rows":1,"beyond":0.00},'
    b'"high":{"value":2.0,"share":[0.0000,0.002],"rows":1,"beyond":0.00}},"grid":{"values":0,"new":0.0,"between":'
    b'0.0,"rows":0,"knots":null}}"grid":null}'
    b'"slip":{"sums":"kept":"weekend","day_of_week","hour_of_week","hour_of_day",1],"holiday":"learning":true'
    b'{"rows":500,"rule":"ewma","component":"missing","value":null,"rule":"shewhart","component":"c2","value":0.0,'
    b'"z":-0.0,"p":1.0,"effect":0.0,"harm":null,"harm_error":null,"pull":null,"harm":0.0,"harm_error":0.0,"pull":'
    b'-0.0,"running":{"harm":0.0,"harm_variance":0.0,"pull":0.0},"rules":null,"alpha":{"shewhart":0.005,"ewma":'
    b'0.001},"family":{"m":6,"shewhart":[54,54,1.0],"shewhart_near":[54,54,1.0],"ewma":[54,54,1.0],"ewma_near":'
    b'[54,54,1.0],"own":{"shewhart":1.0,"shewhart_near":1.0,"ewma":1.0,"ewma_near":1.0}},"components":{"unseen":'
    b'{"y":0.0,"n":500,"slot":["none",0],"rest":{"y":0.0,"level:":{"y":0.0,"c1":{"y":0.0,"c2":{"y":0.0,"c3":{"y":'
    b'0.0,"missing":{"y":0.0,"n":500,"slot":["none",0],"mu":0.0,"sigma2":0.0,"tau2":0.0,"cycles":48,"windows":48,'
    b'"memory":1.0,"rho":0.0,"nu":[48.0,48.0],"scales":[1.0,1.0],"law":[1,0,0],"share_floor":0.0,"se":0.0,"z":'
    b'-0.0,"z_now":-0.0,"p_law":1.0,"guard":1.0,"p":1.0,"floor":0.01,"ewma":{"before":[0.0,0.0],"after":[0.0,0.0'
    b',"variance":0.1636904761904762,"nu":48.0,"sums":[1.0,1.0,1.0,48.0],"guard":1.0,"p":1.0}},"stuck":{"y":0.0,'
    b'"n":500,"slot":["none",0],"mu":0.0,"sigma2":0.0,"tau2":0.0,"cycles":56,"windows":56,"memory":1.0,"rho":0.0,'
    b'"nu":[1000000000.0,1000000000.0],"scales":[1.0,1.0],"law":[1,1,0],"share_floor":0.0,"se":0.0,"z":0.0,'
    b'"z_now":0.0,"p_law":0.0,"guard":0.0,"p":0.0,"floor":0.05,"ewma":{"before":[0.0,0.0],"after":[0.0,0.0'
    b'],"variance":0.0,"nu":1000000000.0,"sums":[1.0,1.0,1.0,1000000000.0],"guard":1.0,"p":1.0}},"out_of_range":'
    b'{"y":0.0,"n":500,"slot":["none",0],"mu":0.0,"sigma2":0.0,"tau2":0.0,"cycles":48,"windows":48,"memory":1.0,'
    b'"rho":0.0,"nu":[48.0,48.0],"scales":[1.0,1.0],"law":[1,1,1],"share_floor":0.0,"se":0.0,"z":0.0,"z_now":0.0,'
    b'"p_law":1.0,"guard":0.0,"p":1.0,"floor":0.005,"ewma":{"before":[0.0,0.0],"after":[0.0,0.0,0.0],"variance":'
    b'0.1636904761904762,"nu":48.0,"sums":[1.0416666666666667,1.0625,1.0833333333333333,48.0],"guard":1.0,"p":1.0'
    b"}}}}"
)
